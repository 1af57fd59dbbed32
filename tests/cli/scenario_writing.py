"""Scenario files that tests write, and what `accord test` says of them."""

from collections.abc import Callable
from pathlib import Path

from typer.testing import CliRunner, Result

from services.cli.main import app

HEAD = """\
date: 2026-03-02
documents:
  - {kind: Kpi, name: answer, measure: duration, start: {event: ticket.created}, \
stop: {event: ticket.replied}}
  - {kind: Agreement, name: desk, objectives: [{name: response, kpi: answer, \
target: {within: PT1H}}]}
scenarios:
"""
KEPT = (
    HEAD
    + """\
  - it: keeps its promise
    events: |
      09:00 T-1,T-2 created
      09:45 T-1 replied
    at: 09:50
    clocks:
      - T-1 desk/response: met, elapsed 45m
      - T-2 desk/response: running, elapsed 50m
"""
)
Write = Callable[..., Path]


def writing(folder: Path) -> Write:
    """What writes a file in the folder."""

    def written(text: str, name: str = "scenarios/one.yaml") -> Path:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return written


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["test", *map(str, arguments)])


def told(path: Path) -> list[str]:
    """What is said below a scenario that fails: expected and found, without their place."""
    lines = run(path).stdout.splitlines()
    return [line.strip() for line in lines if line.strip().startswith(("expected", "found"))]


def problems(path: Path) -> list[str]:
    """The problems of files that do not load, from the line number on."""
    done = run(path)
    assert done.exit_code == 2, done.output
    assert done.stdout == ""
    return [line.removeprefix(f"{path}:") for line in done.stderr.splitlines()]
