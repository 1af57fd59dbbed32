"""`accord evaluate`: documents and events in, everything that holds at an instant out, offline."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from services.cli.evaluate import evaluate_lines, loaded_documents, opened, read_now
from services.cli.offline import evaluate_offline
from shared.wire import results


def evaluate_command(
    agreements: Annotated[Path, typer.Option(help="A document, or a folder of documents.")],
    events: Annotated[str, typer.Option(help="A file of events, one JSON object a line, or -.")],
    now: Annotated[str, typer.Option(help="The instant to evaluate: 2026-03-31T22:00:00Z.")],
    *,
    explain: Annotated[bool, typer.Option("--explain", help="Say of every number why.")] = False,
    all_windows: Annotated[
        bool, typer.Option("--all-windows", help="Rolling windows that have ended, too.")
    ] = False,
) -> None:
    """Evaluate events under documents as of an instant, and print one JSON object."""
    catalogue = loaded_documents(agreements)
    instant = read_now(now)
    write = sys.stdout.buffer.write
    with opened(events) as lines:
        if explain:
            found = evaluate_lines(
                catalogue, lines, now=instant, explain=True, all_windows=all_windows
            )
            write(results.encode(found) + b"\n")
        else:
            evaluate_offline(catalogue, lines, write, now=instant, all_windows=all_windows)
