"""`accord compare`: an outside provider and the unit inside, side by side on one KPI, offline."""

import sys
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import typer

from services.cli.evaluate import WRONG_INPUT, Reading, loaded_documents, opened, read_now
from shared.domain.agreement import Catalogue
from shared.domain.comparison import Side, compare
from shared.domain.evaluation import WindowReading, evaluate
from shared.domain.instant import format_instant
from shared.domain.plan import compile_plan
from shared.wire.compared import ComparisonsForm, comparison_row
from shared.wire.results import encode


def compare_command(
    agreements: Annotated[Path, typer.Option(help="A document, or a folder of documents.")],
    events: Annotated[str, typer.Option(help="A file of events, one JSON object a line, or -.")],
    now: Annotated[str, typer.Option(help="The instant to evaluate: 2026-03-31T22:00:00Z.")],
    kpi: Annotated[str, typer.Option(help="The KPI's name.")],
    *,
    all_windows: Annotated[
        bool, typer.Option("--all-windows", help="Rolling windows that have ended, too.")
    ] = False,
) -> None:
    """Compare the agreements about one KPI by window and group, and print one JSON object."""
    catalogue = loaded_documents(agreements)
    _check(catalogue, kpi)
    instant = read_now(now)
    reading = Reading(compile_plan(catalogue), now=instant)
    with opened(events) as lines:
        reading.read(enumerate(lines, 1))
    found = evaluate(catalogue, reading.items.values(), now=instant, all_windows=all_windows)
    form = ComparisonsForm(
        as_of=format_instant(found.as_of),
        kpi=kpi,
        comparisons=[comparison_row(own) for own in compare(map(side_of, found.objectives), kpi)],
    )
    sys.stdout.buffer.write(encode(form) + b"\n")


def side_of(reading: WindowReading) -> Side:
    """A window as a side of a comparison."""
    judgement = reading.judgement
    return Side(
        version=judgement.version,
        objective=judgement.objective,
        group=reading.group,
        window=reading.window,
        value=judgement.value,
        state=judgement.state,
        measure=reading.measure,
    )


def _check(catalogue: Catalogue, kpi: str) -> None:
    if kpi in catalogue.kpis:
        return
    close = get_close_matches(kpi, sorted(catalogue.kpis), n=1, cutoff=0.6)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    typer.echo(f"--kpi: no document defines {kpi!r}{hint}", err=True)
    raise typer.Exit(WRONG_INPUT)
