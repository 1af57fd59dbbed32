"""`accord gaps`: partitions that are stopped, and letting one go on without what is missing.

Exit code 0: done; 1: refused, nothing was changed; 2: it could not be looked at.
"""

import asyncio
import getpass
import json
from collections.abc import Awaitable, Callable
from typing import Annotated, Final, NoReturn, TypeVar

import asyncpg
import typer
from aiokafka.errors import KafkaError

from services.cli.gap_store import Accepted, Refused, Row, accept, accept_source, read_gaps
from services.cli.terminal import say
from shared.runtime.config import InvalidSettings, Settings, read_settings
from shared.runtime.topics import Topics
from shared.runtime.wall_clock import system_clock

T = TypeVar("T")

app: Final = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="See which partitions are stopped and why; let one go on.",
)


@app.command("list")
def list_command(
    *,
    every: Annotated[bool, typer.Option("--all", help="Those that were resolved too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array.")] = False,
) -> None:
    """List what stops partitions now: since when, why, and which records are missing.

    A partition goes on by itself when its log is whole again; `accord gaps accept` lets it go on
    without what is missing.
    """
    gaps = _run(lambda settings: read_gaps(settings.database_url, _events(settings), every=every))
    if as_json:
        print(json.dumps(gaps, indent=2))
    elif not gaps:
        print("no partition is stopped")
    for gap in () if as_json else gaps:
        until = "?" if gap["until_offset"] is None else gap["until_offset"]
        print(
            f"partition {gap['topic']}/{gap['partition']}  {gap['reason']}  "
            f"offsets {gap['from_offset']} to {until}  seen {gap['seen_at']}"
        )
        print(f"    {gap['detail']}")
        if gap["resolution"] is not None:
            print(
                f"    {gap['resolution']} {gap['resolved_at']}"
                f"{' by ' + str(gap['resolved_by']) if gap['resolved_by'] else ''}"
                f"{': ' + str(gap['why']) if gap['why'] else ''}"
            )


@app.command("accept")
def accept_command(
    partition: Annotated[
        str,
        typer.Argument(help="The stopped partition: 3, or leads/3 of a source's topic."),
    ],
    *,
    why: Annotated[str, typer.Option(help="Why; it is kept with your name.")],
    to: Annotated[int | None, typer.Option(min=0, help="Go on at this offset.")] = None,
    beginning: Annotated[
        bool, typer.Option("--beginning", help="Go on at the first record there is (default).")
    ] = False,
    by: Annotated[str | None, typer.Option(help="Who decides; you, if left out.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Let a stopped partition go on without the records that are missing.

    The windows that they may have counted in say `complete: false` from then on, for good. Records
    that come twice do no harm: events are known by their identity.
    """
    if to is not None and beginning:
        _refuse("give --to or --beginning, not both", 2)
    topic, _, number = partition.rpartition("/")
    if not number.isdecimal():
        _refuse(f"{partition}: give a partition as `accord gaps list` names it: 3 or leads/3", 2)
    name = by or getpass.getuser()
    if topic:
        if to is not None:
            _refuse("a source's topic goes on at the first record there is: no --to", 2)
        row = _accept_source(topic, int(number), by=name, why=why)
        print(json.dumps(row) if as_json else f"{partition} goes on within seconds, if ingest runs")
        return
    accepted = _accept(int(number), to=to, by=name, why=why)
    if as_json:
        print(json.dumps(accepted.row))
    else:
        print(
            f"partition {partition} goes on at offset {accepted.target} within seconds, if an "
            "evaluator runs"
        )


def _accept(part: int, *, to: int | None, by: str, why: str) -> Accepted:
    now = system_clock()
    return _run(
        lambda settings: accept(
            settings.database_url,
            settings.kafka_bootstrap_servers,
            _events(settings),
            part,
            to=to,
            by=by,
            why=why,
            now=now,
        )
    )


def _accept_source(topic: str, part: int, *, by: str, why: str) -> Row:
    now = system_clock()
    return _run(
        lambda settings: accept_source(settings.database_url, topic, part, by=by, why=why, now=now)
    )


def _events(settings: Settings) -> str:
    return Topics(settings.topic_prefix).events


def _run(act: Callable[[Settings], Awaitable[T]]) -> T:
    async def acting(settings: Settings) -> T:
        return await act(settings)

    try:
        return asyncio.run(acting(read_settings("gaps")))
    except Refused as error:
        _refuse(str(error), 1)
    except InvalidSettings as error:
        _refuse(str(error), 2)
    except (KafkaError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        _refuse(f"{type(error).__name__}: {error}", 2)


def _refuse(text: str, code: int) -> NoReturn:
    say(text)
    raise typer.Exit(code)
