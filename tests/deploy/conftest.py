"""What needs a program that only an operating system's package brings is left out without it."""

import shutil

import pytest

HAS_PROMTOOL = shutil.which("promtool") is not None

collect_ignore = [] if HAS_PROMTOOL else ["test_promtool.py"]


def pytest_report_header(config: pytest.Config) -> str:
    """Say what is left out."""
    del config
    if HAS_PROMTOOL:
        return "promtool: alerts are run"
    return "promtool: not here, alerts are parsed but not run (Debian: apt-get install prometheus)"
