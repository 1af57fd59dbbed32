"""Runs promtool and amtool, as Debian has them."""

import subprocess

from tests.deploy.exported import ROOT


def promtool(*arguments: str, stdin: bytes | None = None) -> str:
    """What promtool prints; it must be content."""
    return _run("promtool", *arguments, stdin=stdin)


def amtool(*arguments: str) -> str:
    """What amtool prints; it must be content."""
    return _run("amtool", *arguments)


def _run(*command: str, stdin: bytes | None = None) -> str:
    done = subprocess.run(  # noqa: S603 - our own arguments, no shell
        command, capture_output=True, check=False, cwd=ROOT, input=stdin
    )
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, said
    return said
