"""Which version of Accord runs, as its package says."""

from importlib.metadata import PackageNotFoundError, version


def program_version() -> str:
    """The version of Accord that runs."""
    try:
        return version("accord")
    except PackageNotFoundError:
        return "unknown"
