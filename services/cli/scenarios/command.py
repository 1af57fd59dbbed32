"""`accord test`: scenario files against what Accord says."""

import json
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from services.cli.scenarios.fields import scenario_schema
from services.cli.scenarios.files import ScenarioFile, read_files
from services.cli.scenarios.report import (
    Told,
    as_json,
    lines,
    problems_as_json,
    run,
    summary,
)

FAILED = 1
WRONG_INPUT = 2


def scenarios_command(
    path: Annotated[
        Path | None, typer.Argument(help="A scenario file, or a folder of them.")
    ] = None,
    *,
    machine: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    only: Annotated[str, typer.Option(help="Only scenarios whose sentence contains this.")] = "",
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of scenario files instead.")
    ] = False,
) -> None:
    """Run scenarios: events at times, and what must then hold under your agreements.

    \b
    agreements: ../agreements          # a document or a folder, seen from this file
    date: 2026-03-02                   # the day of times that name none
    timeZone: Europe/Berlin
    scenarios:
      - it: answers an urgent ticket within the hour
        events: |
          09:00 T-1 created priority=p1
          09:45 T-1 replied actor=agent
        at: 12:00
        clocks:
          - T-1 acme-support/first-response: met, elapsed 45m, due 10:00
          - ...                        # and others
        breaches: []

    A tick or a cross for each; of what fails the expected and the found. Exit 0 when all hold,
    1 when some fail, 2 when a file does not load. All that can be written: docs/scenarios.md.
    """  # noqa: D301 - \b keeps the lines of the example as they are
    if schema:
        typer.echo(_json(scenario_schema()))
        return
    if path is None:
        _refuse("name a scenario file or a folder of them: accord test PATH")
    told = [
        one for file in _files(path, machine=machine) for one in _file(file, only, quiet=machine)
    ]
    if only and not told:
        _refuse(f'--only: no scenario says "{only}"')
    typer.echo(_json(as_json(told)) if machine else summary(told))
    if not all(one.ok for one in told):
        raise typer.Exit(FAILED)


def _refuse(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(WRONG_INPUT)


def _files(path: Path, *, machine: bool) -> list[ScenarioFile]:
    files, problems = read_files(path)
    if not problems:
        return files
    if not machine:
        _refuse("\n".join(map(str, problems)))
    typer.echo(_json(problems_as_json(problems)))
    raise typer.Exit(WRONG_INPUT)


def _file(file: ScenarioFile, only: str, *, quiet: bool) -> list[Told]:
    found: list[Told] = []
    for told in run(file, only):
        if not quiet:
            if not found:
                typer.echo(str(file.path))
            typer.echo("\n".join(lines(told)))
        found.append(told)
    return found


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
