"""`accord audit`: the log of who did what, and the proof that nobody has changed it.

Exit code 0: done, and whole; 1: the log is not what was written; 2: it could not be read.
"""

import json
from dataclasses import asdict
from typing import Annotated, Final

import asyncpg
import typer

from services.api.access import audit
from services.cli.administering import administer
from shared.domain.instant import format_instant

app: Final = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Read the log of who did what, and prove that it is whole.",
)
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object or array.")]


@app.command("verify")
def verify_command(
    *,
    expect: Annotated[
        str | None,
        typer.Option(help="A digest that this command printed earlier: it has to be in the log."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Walk the whole log and prove that each entry is as written and follows the one before.

    Keep the digest that is printed somewhere else: with `--expect` it shows later whether the log
    was cut short or made anew, which the log alone cannot tell.
    """
    proof = administer(lambda connection: audit.prove(connection, expect))
    whole = proof.broken_at is None and proof.anchored
    if as_json:
        print(json.dumps({**asdict(proof), "whole": whole}))
    elif proof.broken_at is not None:
        print(f"entry {proof.broken_at} is not as it was written: {proof.reason}")
    elif not proof.anchored:
        print(f"{proof.entries} entries follow each other, and none has the digest {expect}")
    else:
        print(f"{proof.entries} entries, whole; the last one's digest is {proof.head or '(none)'}")
    if not whole:
        raise typer.Exit(1)


@app.command("list")
def list_command(
    *,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, the latest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List who did what, the latest first."""
    rows = administer(lambda connection: audit.entries(connection, before=None, limit=limit))
    if as_json:
        print(json.dumps([_row(own) for own in rows], indent=2))
        return
    for own in map(_row, rows):
        print(f"{own['seq']}  {own['at']}  {own['actor']}  {own['action']}  {own['target']}")
        print(f"    {json.dumps(own['detail'], ensure_ascii=False)}")


def _row(row: asyncpg.Record) -> dict[str, object]:
    return {
        "seq": row["seq"],
        "at": format_instant(row["at"]),
        "actor": row["actor"],
        "action": row["action"],
        "target": row["target"],
        "detail": json.loads(row["detail"]),
        "digest": row["digest"].hex(),
    }
