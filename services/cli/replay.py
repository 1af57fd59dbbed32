"""`accord replay`: rebuild everything that is stored from its events, and compare.

Exit code 0: no difference; 1: differences; 2: it could not be replayed.
"""

import json
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import asyncpg
import typer
from aiokafka.errors import KafkaError

from services.cli.background import Background
from services.cli.replaying.engine import Replayed, Request, replay
from services.cli.replaying.progress import ReplayProgress
from services.cli.replaying.records import Origin
from services.cli.replaying.report import difference_lines, preview_lines, replay_form
from services.cli.replaying.shadow import NoShadowError, connect, remove_all
from services.cli.replaying.snapshot import NothingToReplayError
from services.cli.terminal import say, until_stopped
from shared.documents import Loaded, load
from shared.domain.instant import format_instant
from shared.runtime.config import InvalidSettings, environment_brokers, environment_value
from shared.runtime.topics import Topics


def replay_command(
    *,
    origin: Annotated[
        Origin | None,
        typer.Option(
            "--from",
            help="The event log, or the stored timelines; default: the log where it is whole.",
        ),
    ] = None,
    agreements: Annotated[
        Path | None,
        typer.Option(exists=True, help="Other documents: preview what they would say."),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep what was rebuilt, for inspection.")
    ] = False,
    clean: Annotated[
        bool, typer.Option("--clean", help="Only remove what former replays left or kept.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
    patience: Annotated[
        float, typer.Option(help="Seconds to wait for a moment with everything judged.")
    ] = 30.0,
) -> None:
    """Rebuild everything from its events beside the running system, and compare."""
    try:
        url = _database_url()
        with until_stopped(), Background() as background:
            if clean:
                removed = background.run(_clean(url))
                print("\n".join([*removed, f"{len(removed)} schemas removed"]))
                return
            request = Request(
                url,
                environment_brokers(),
                None if agreements is None else _documents(agreements),
                topics=Topics(environment_value("TOPIC_PREFIX") or ""),
                origin=origin,
                keep=keep,
                patience_s=patience,
            )
            with ReplayProgress() as progress:
                replayed = background.run(replay(request, progress))
            _print(replayed, keep=keep, as_json=as_json)
            raise typer.Exit(1 if replayed.found.total else 0)
        raise typer.Exit(2)
    except (NothingToReplayError, NoShadowError, InvalidSettings) as error:
        _refuse(str(error))
    except (KafkaError, asyncpg.PostgresError, OSError) as error:
        _refuse(f"{type(error).__name__}: {error}")


def _database_url() -> str:
    url = environment_value("DATABASE_URL")
    if url is None:
        _refuse("ACCORD_DATABASE_URL is not set; `accord local` prints a value that works here")
    return url


async def _clean(url: str) -> list[str]:
    session = await connect(url)
    try:
        return await remove_all(session)
    finally:
        await session.close()


def _documents(agreements: Path) -> Loaded:
    loaded = load(agreements)
    if loaded.catalogue is None:
        _refuse("\n".join(str(problem) for problem in loaded.problems))
    return loaded


def _print(replayed: Replayed, *, keep: bool, as_json: bool) -> None:
    if keep:
        say(
            f"kept in the schema {replayed.schema}: the tables as rebuilt, and live_… beside "
            "rebuilt_…, which were compared; `accord replay --clean` removes it"
        )
    if as_json:
        json.dump(replay_form(replayed), sys.stdout, ensure_ascii=False)
        print(flush=True)
        return
    lines = preview_lines if replayed.is_preview else difference_lines
    for line in lines(replayed.found):
        print(line)
    print(
        f"{replayed.events} events folded from the {replayed.origin.value} in "
        f"{replayed.seconds:.1f} s, everything as of {format_instant(replayed.as_of)}"
    )
    if replayed.waiting:
        print(
            "not compared, because they were being judged at the moment of the copy: windows of "
            + ", ".join(replayed.waiting)
        )
    print(replayed, flush=True)


def _refuse(text: str) -> NoReturn:
    say(text)
    raise typer.Exit(2)
