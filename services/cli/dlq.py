"""`accord dlq`: records that were refused; see them, see one, send them again.

Exit code 0: done; 1: there is no such record, or some stay refused; 2: it could not be asked, or
sending broke off.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Final, NoReturn, TypeVar

import asyncpg
import typer
from aiokafka.errors import KafkaError
from rich.console import Console
from rich.progress import Progress

from services.cli.declared import declared_sources
from services.cli.dlq_letters import Filter, Letter, read_letters, read_quarantine
from services.cli.dlq_redrive import Redrive, Redriven
from services.cli.terminal import say
from shared.domain.instant import Instant, parse_instant
from shared.runtime.config import InvalidSettings, Settings, read_settings
from shared.runtime.topics import Topics
from shared.runtime.wall_clock import wall_clock

T = TypeVar("T")

_SHOWN: Final = 100
_BAR_FROM: Final = 1_000
app: Final = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="See records that were refused (dead letters and quarantine), and send them again.",
)

_Topic = Annotated[
    list[str] | None,
    typer.Option("--topic", help="Only of this topic (tickets, tickets.dlq, quarantine)."),
]
_Reason = Annotated[list[str] | None, typer.Option("--reason", help="Only with this reason.")]
_Since = Annotated[str | None, typer.Option(help="Refused then or later (RFC 3339).")]
_Until = Annotated[str | None, typer.Option(help="Refused before then (RFC 3339).")]
_Json = Annotated[bool, typer.Option("--json", help="One JSON object.")]


@app.command("list")
def list_command(
    *,
    topic: _Topic = None,
    reason: _Reason = None,
    since: _Since = None,
    until: _Until = None,
    limit: Annotated[int, typer.Option(min=0, help="Show so many; all are counted.")] = _SHOWN,
    as_json: _Json = False,
) -> None:
    """List refused records with how many there are of each reason.

    `accord dlq show PLACE` shows one of them; `accord dlq redrive` sends them again.
    """
    letters = _run(lambda settings: _read(settings, _filter(topic, reason, since, until)))
    counts = Counter((letter.original, letter.reason) for letter in letters)
    if as_json:
        found = {
            "total": len(letters),
            "counts": [
                {"topic": name, "reason": why, "records": n}
                for (name, why), n in sorted(counts.items())
            ],
            "records": [letter.row() for letter in letters[:limit]],
        }
        print(json.dumps(found, indent=2))
        return
    for letter in letters[:limit]:
        row = letter.row()
        print(f"{row['at']}  {row['place']}  {row['reason']}  {row['message']}")
    if len(letters) > limit:
        print(f"… and {len(letters) - limit} more")
    for (name, why), n in sorted(counts.items()):
        print(f"{n:>8}  {name}  {why}")
    print(f"{len(letters)} records were refused")


@app.command("show")
def show_command(
    place: Annotated[
        str,
        typer.Argument(
            help="As `accord dlq list` names it: tickets.dlq/0@17, quarantine/3@8:9f86d081884c7d65."
        ),
    ],
    *,
    as_json: _Json = False,
) -> None:
    """Show one refused record: why it was refused, its headers, key and value."""
    letters = _run(lambda settings: _read(settings, Filter()))
    letter = _at(place, letters)
    shown = {
        **letter.row(),
        "errors": dict(letter.errors),
        "headers": [[name, _text(content)] for name, content in letter.headers],
        "key": _text(letter.key),
        "value": _text(letter.value),
    }
    if as_json:
        print(json.dumps(shown, indent=2))
        return
    for name, content in shown.items():
        print(f"{name + ':':<11} {content}")


@app.command("redrive")
def redrive_command(
    *,
    topic: _Topic = None,
    reason: _Reason = None,
    since: _Since = None,
    until: _Until = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent.")] = False,
    conflicts: Annotated[
        bool, typer.Option("--conflicts", help="Quarantined conflicts too; they lose again.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Those too that would be refused again.")
    ] = False,
    as_json: _Json = False,
) -> None:
    """Send refused records to their topics again, unchanged, where they would be read now.

    That is so when the time of an event has come that was too far ahead, or when a Source document
    reads now what it refused. Each is sent once for each time it was refused, five times at most:
    running this twice, or again after it broke off, does no harm. The exit code is 1 if records
    stay refused: not those that were sent before, nor conflicts that were not asked for.
    """
    wanted = _filter(topic, reason, since, until)
    result: Redriven = _run(lambda settings: _redrive(settings, wanted, dry_run, conflicts, force))
    if as_json:
        print(json.dumps({"sent": result.sent, "left": dict(result.left), "dry_run": dry_run}))
    else:
        for why, n in sorted(result.left.items()):
            print(f"{n:>8}  left: {why}")
        print(f"{result.sent} records {'would be' if dry_run else 'were'} sent again")
    if result.refused:
        raise typer.Exit(1)


def _at(place: str, letters: Sequence[Letter]) -> Letter:
    found = [letter for letter in letters if letter.is_at(place)]
    if not found:
        _refuse(f"there is no refused record {place}: `accord dlq list` names them", 1)
    if len(found) > 1:
        names = ", ".join(letter.place for letter in found)
        _refuse(f"{len(found)} records were refused at {place}: show one of {names}", 1)
    return found[0]


async def _read(settings: Settings, wanted: Filter) -> list[Letter]:
    topics = Topics(settings.topic_prefix)
    inputs = [topics.input(source.topic) for source in declared_sources()]
    servers = settings.kafka_bootstrap_servers
    found = [letter async for letter in read_letters(servers, inputs) if wanted.takes(letter)]
    quarantined = await read_quarantine(settings.database_url, topics.events)
    found += [letter for letter in quarantined if wanted.takes(letter)]
    return sorted(found, key=lambda letter: letter.at)


async def _redrive(
    settings: Settings,
    wanted: Filter,
    dry_run: bool,  # noqa: FBT001 - as the command has it
    conflicts: bool,  # noqa: FBT001
    force: bool,  # noqa: FBT001
) -> Redriven:
    letters = await _read(settings, wanted)
    topics = Topics(settings.topic_prefix)
    redrive = Redrive(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        database_url=settings.database_url,
        sources={topics.input(source.topic): source for source in declared_sources()},
        now=wall_clock(settings.clock)(),
        conflicts=conflicts,
        force=force,
        dry_run=dry_run,
    )
    console = Console(stderr=True)
    bar = Progress(console=console, disable=not console.is_terminal or len(letters) < _BAR_FROM)
    with bar:
        task = bar.add_task("sending again", total=len(letters))
        return await redrive.run(letters, lambda n: bar.advance(task, n))


def _filter(
    topic: list[str] | None, reason: list[str] | None, since: str | None, until: str | None
) -> Filter:
    return Filter(
        topics=frozenset(topic or ()),
        reasons=frozenset(reason or ()),
        since=_instant(since),
        until=_instant(until),
    )


def _instant(text: str | None) -> Instant | None:
    try:
        return None if text is None else parse_instant(text)
    except ValueError as error:
        _refuse(str(error), 2)


def _text(content: bytes | None) -> str | None:
    """Text as it is, anything else in hexadecimal digits."""
    if content is None:
        return None
    try:
        return content.decode()
    except UnicodeDecodeError:
        return f"hex:{content.hex()}"


def _run(act: Callable[[Settings], Awaitable[T]]) -> T:
    async def acting(settings: Settings) -> T:
        return await act(settings)

    try:
        return asyncio.run(acting(read_settings("dlq")))
    except InvalidSettings as error:
        _refuse(str(error), 2)
    except (KafkaError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        _refuse(f"{type(error).__name__}: {error}", 2)


def _refuse(text: str, code: int) -> NoReturn:
    say(text)
    raise typer.Exit(code)
