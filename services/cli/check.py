"""`accord check`: documents only, either what is wrong with them or what they say."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, NoReturn

import msgspec
import typer

from shared.documents import Loaded, Problem, load
from shared.documents.reader import JsonSchema
from shared.documents.schema import Kind, json_schema, kind_schema
from shared.domain.agreement import (
    Agreement,
    AtLeast,
    AtMost,
    Catalogue,
    Duration,
    EndOfWorkingDay,
    Mean,
    Objective,
    OpenTime,
    Percentile,
    Version,
    Within,
    WorkingDays,
)
from shared.domain.instant import DAY, HOUR, MINUTE, Micros, as_datetime, format_instant
from shared.domain.source import Source
from shared.domain.window import CalendarWindow, RollingWindow, TumblingWindow, Window
from shared.runtime.wall_clock import system_clock
from shared.wire.results import decimal_text, seconds

WRONG_INPUT = 2
_JSON = msgspec.json.Encoder(decimal_format="number")


def check_command(
    path: Annotated[
        Path | None,
        typer.Argument(help="A document, or a folder of documents; with --schema perhaps a kind."),
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of documents instead.")
    ] = False,
) -> None:
    """Check documents: every problem with file and line (exit 2), else what they say."""
    if schema:
        typer.echo(_json(_schema(path)))
        return
    if path is None:
        _refuse("name a document or a folder of documents: accord check PATH")
    loaded = load(path, today=as_datetime(system_clock()).date())
    if as_json:
        typer.echo(_json(_report(loaded)))
    else:
        _tell(loaded)
    if loaded.catalogue is None:
        raise typer.Exit(WRONG_INPUT)


def _tell(loaded: Loaded) -> None:
    for problem in loaded.problems:
        typer.echo(str(problem), err=True)
    for warning in loaded.warnings:
        typer.echo(warning.as_warning, err=True)
    if loaded.catalogue is not None:
        typer.echo("\n".join(summary(loaded.catalogue, loaded.built_in, loaded.sources)))


def _schema(kind: Path | None) -> JsonSchema:
    if kind is None:
        return json_schema()
    if str(kind) not in set(Kind):
        _refuse(f"{kind} is no kind of document; write --schema {', '.join(Kind)} or nothing")
    return kind_schema(Kind(str(kind)))


def _refuse(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(WRONG_INPUT)


def _json(value: object) -> str:
    return msgspec.json.format(_JSON.encode(value), indent=2).decode()


def _report(loaded: Loaded) -> dict[str, object]:
    warnings = [_placed(warning) for warning in loaded.warnings]
    catalogue = loaded.catalogue
    if catalogue is None:
        problems = [_placed(problem) for problem in loaded.problems]
        return {"ok": False, "problems": problems, "warnings": warnings}
    return {
        "ok": True,
        "warnings": warnings,
        "digest": catalogue.digest,
        "agreements": {
            name: [version.document for version in agreement.versions]
            for name, agreement in catalogue.agreements.items()
        },
        "kpis": sorted(catalogue.kpis),
        "built_in_kpis": list(loaded.built_in),
        "calendars": sorted(catalogue.calendars),
        "sources": {source.name: source.topic for source in loaded.sources},
    }


def _placed(problem: Problem) -> dict[str, object]:
    return {
        "file": problem.place.file,
        "line": problem.place.line,
        "column": problem.place.column,
        "message": problem.message,
    }


def summary(
    catalogue: Catalogue, built_in: tuple[str, ...] = (), sources: tuple[Source, ...] = ()
) -> Iterator[str]:
    """What documents say, a line for each promise; `built_in` are KPIs without a document."""
    agreements = catalogue.agreements.values()
    promises = sum(len(own.objective_names) for own in agreements)
    yield (
        f"ok: {_many(len(agreements), 'agreement')} with {_many(promises, 'objective')},"
        f" {_many(len(catalogue.kpis), 'KPI')}, {_many(len(catalogue.calendars), 'calendar')}"
        + (f", {_many(len(sources), 'source')}" if sources else "")
    )
    for agreement in agreements:
        yield ""
        yield from _agreement(agreement)
    yield ""
    own = sorted(catalogue.kpis.keys() - set(built_in))
    yield f"KPIs: {', '.join(own) or 'none'}"
    if built_in:
        yield f"built-in KPIs: {', '.join(built_in)}"
    yield f"calendars: {', '.join(sorted(catalogue.calendars))}"
    if sources:
        yield "sources:"
    for source in sources:
        yield f"    {source.name}: the topic {source.topic} carries {_carried(source)}"


def _carried(source: Source) -> str:
    """`CloudEvents`, `payloads that become ticket.solved`."""
    if source.payload is None:
        return "CloudEvents"
    whats: list[str] = []
    for rule in source.payload.rules:
        if isinstance(rule.type, str):
            whats.append(rule.type)
        else:
            whats.extend((rule.type.values or {"…": "…"}).values())
    types = [f"{source.payload.kind}.{what}" for what in dict.fromkeys(whats)]
    return f"payloads that become {', '.join(types)}"


def _many(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _agreement(agreement: Agreement) -> Iterator[str]:
    for version in agreement.versions:
        parties = f"{version.provider} -> {version.customer}"
        until = f" until {format_instant(version.until)}" if version.until is not None else ""
        yield f"{agreement.name}: {version.level} {version.type}, {parties}"
        yield f"  from {format_instant(version.start)}{until}, calendar {_calendar(version)}"
        width = max(len(own.name) for own in version.objectives)
        for objective in version.objectives:
            yield f"    {objective.name:<{width}}  {promise(objective)}"


def _calendar(version: Version) -> str:
    return version.calendar.rules.name


def promise(objective: Objective) -> str:
    """A promise in words."""
    groups = f", for each {' and '.join(objective.group_by)}" if objective.group_by else ""
    started = ", in the window of its start" if objective.started else ""
    return (
        f"{objective.kpi.name}: {_target(objective)} {_window(objective.window)}{started}{groups}"
    )


def _window(window: Window) -> str:
    match window:
        case CalendarWindow(period, zone):
            return f"each {period} ({zone})"
        case TumblingWindow(length):
            return f"each {_absolute(length)} from the epoch on"
        case RollingWindow(length, step):
            return f"over {_absolute(length)}, anew every {_absolute(step)}"


def _target(objective: Objective) -> str:
    match objective.target:
        case AtLeast(amount):
            return f"at least {decimal_text(amount)}"
        case AtMost(amount):
            return f"at most {decimal_text(amount)}"
        case Mean(micros):
            return f"on average within {_length(micros)}"
        case Percentile(share, duration):
            return f"the fastest {decimal_text(share * 100)} % {_duration(duration)}"
        case Within(duration, share):
            return f"{decimal_text(share * 100)} % {_duration(duration)}"


def _duration(duration: Duration) -> str:
    match duration:
        case OpenTime(micros):
            return f"within {_length(micros)}"
        case WorkingDays(days):
            return f"within {_many(days, 'working day')}"
        case EndOfWorkingDay(0):
            return "by the end of the same working day"
        case EndOfWorkingDay(1):
            return "by the end of the next working day"
        case EndOfWorkingDay(days):
            return f"by the end of working day {days} after it"


def _absolute(micros: Micros) -> str:
    """`7 days`, `1 h 30 min`."""
    days, rest = divmod(micros, DAY)
    return _length(micros) if rest or not days else _many(days, "day")


def _length(micros: Micros) -> str:
    """`1 h 30 min`."""
    hours, rest = divmod(micros, HOUR)
    minutes, rest = divmod(rest, MINUTE)
    parts = ((hours, "h"), (minutes, "min"), (seconds(rest), "s"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "0 s"
