"""`accord verify`: a running system against `evaluate` on the events in its topics.

Exit code 0: no difference; 1: differences, each printed; 2: it could not be compared.
"""

import time
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer
from aiokafka.errors import KafkaError

from services.cli.api_client import Api, ApiError
from services.cli.background import Background
from services.cli.declared import declared_sources
from services.cli.feed import Feed
from services.cli.local import default_agreements
from services.cli.simulator.stream import Simulation, history_start, simulate
from services.cli.stack.child import StackError
from services.cli.stack.local_stack import DATA, LocalStack
from services.cli.stack.services import Services
from services.cli.terminal import say, until_stopped
from services.cli.verification.accepted import Accepted, read_accepted, records_of
from services.cli.verification.compare import Difference
from services.cli.verification.expected import expect
from services.cli.verification.rest import NotAtRest, System, wait_for_rest
from services.cli.verification.said import differences, stopped_at
from shared.documents import load
from shared.domain.instant import Instant, format_instant, parse_instant
from shared.runtime.config import InvalidSettings, environment_value, read_settings
from shared.runtime.migrate import MigrationError
from shared.runtime.topics import TopicError, Topics
from shared.runtime.wall_clock import system_clock

DEMO_DATA: Final = DATA / "demo"
_API: Final = "http://127.0.0.1:8000"
_SHOWN: Final = 50
_SIMULATED_DAYS: Final = 6


class BadDocuments(ValueError):  # noqa: N818 - it names the documents, the caller's input
    """The documents do not load; the text says why, a problem a line."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was compared and how often both sides disagreed."""

    objectives: int
    items: int
    differences: int

    def __str__(self) -> str:
        """The last line of the command."""
        return f"{self.objectives} objectives, {self.items} items, {self.differences} differences"


def verify_command(
    *,
    start: Annotated[
        bool,
        typer.Option("--start", help="Start stack and services at a stopped clock; stop them."),
    ] = False,
    now: Annotated[
        str | None, typer.Option(help="The instant at which the services' clocks stand.")
    ] = None,
    api: Annotated[str | None, typer.Option(help="The address of the API.")] = None,
    agreements: Annotated[
        Path | None, typer.Option(exists=True, help="The documents that the services read.")
    ] = None,
    data: Annotated[Path, typer.Option(help="With --start: the stack's data.")] = DEMO_DATA,
    volume: Annotated[
        float, typer.Option(help="With --start and empty topics: how much is simulated.")
    ] = 0.5,
    seed: Annotated[int, typer.Option(help="Of what is simulated.")] = 1,
    port_base: Annotated[
        int | None, typer.Option(min=1024, max=65_000, help="With --start: ports from here on.")
    ] = None,
    patience: Annotated[float, typer.Option(help="Seconds to wait for rest.")] = 300.0,
    items_each: Annotated[
        int, typer.Option(min=1, help="Compare one item in so many, for millions of them.")
    ] = 1,
) -> None:
    """Compare a system whose clock stands with `evaluate` on the events in its topics."""
    try:
        documents = _asked_documents(agreements)
        at = _asked_instant(now)
        with until_stopped(), ExitStack() as running:
            if start:
                at = at or system_clock()
                simulated = Simulation(seed, history_start(at, _SIMULATED_DAYS), at, volume)
                system, address = running.enter_context(
                    started(data, documents, at, simulated=simulated, port_base=port_base)
                )
            else:
                system, address = _named_system(api)
            asked = running.enter_context(Api(address))
            at = at or stopped_at(asked, pause=lambda: time.sleep(1.0))
            verdict = verify(
                system, asked, documents, at=at, patience_s=patience, items_each=items_each
            )
            print(verdict, flush=True)
            raise typer.Exit(1 if verdict.differences else 0)
    except (ApiError, NotAtRest, BadDocuments, InvalidSettings, StackError) as error:
        _refuse(str(error))
    except (KafkaError, MigrationError, TopicError, OSError) as error:
        _refuse(f"{type(error).__name__}: {error}")


def verify(
    system: System,
    api: Api,
    agreements: Path,
    *,
    at: Instant,
    patience_s: float,
    items_each: int = 1,
) -> Verdict:
    """Wait for rest at `at`, evaluate, compare; prints differences and how far it is.

    All windows and breaches are compared, and one item in `items_each`.
    """
    loaded = load(agreements)
    if loaded.catalogue is None:
        problems = "\n".join(str(problem) for problem in loaded.problems)
        raise BadDocuments(problems)
    say(f"waiting until everything is evaluated as of {format_instant(at)}")
    with Background() as background:
        background.run(wait_for_rest(system, at=at, patience_s=patience_s, told=_Changes()))
        accepted = background.run(_accepted(system))
    say(
        f"evaluating {accepted.events.count} events ({accepted.invalid} records are no events, "
        f"{accepted.put_aside} were put aside as too far in the future)"
    )
    expected = expect(loaded.catalogue, accepted.events, at=at)
    say(
        f"comparing {len(expected.objectives)} windows, {len(expected.breaches)} breaches and "
        f"{len(expected.items[::items_each])} of {len(expected.items)} items"
    )
    found = list(accepted.missing)
    asked = expected.items[::items_each]
    found += differences(api, expected, done=_Counted(len(asked)), items_each=items_each)
    _show(found)
    names = {(row["agreement"], row["objective"]) for row in expected.objectives}
    return Verdict(len(names), len(asked), len(found))


def _accepted(system: System) -> Coroutine[object, object, Accepted]:
    return read_accepted(system.bootstrap_servers, system.topics, system.sources)


@contextmanager
def started(
    data: Path,
    agreements: Path,
    at: Instant,
    *,
    simulated: Simulation,
    port_base: int | None = None,
) -> Iterator[tuple[System, str]]:
    """Start the local stack and the services, their clocks stopped at `at`, for the block.

    Where the topics are empty they get the simulated history first.
    """
    with LocalStack(data, port_base=port_base, say=say) as stack:
        topics = Topics(environment_value("TOPIC_PREFIX") or "")
        system = System(stack.bootstrap_servers, stack.database_url, topics)
        with Background() as background:
            background.run(_fill_if_empty(system, simulated))
        clock = {"ACCORD_CLOCK": format_instant(at)}
        services = Services(
            stack.home,
            {**stack.environment, **clock},
            agreements=agreements,
            ports=stack.ports,
            say=say,
        )
        with services:
            yield system, services.api_url


async def _fill_if_empty(system: System, simulated: Simulation) -> None:
    async for _ in records_of(system.bootstrap_servers, system.inputs):
        return
    say("the topics are empty: simulating a history")
    records = takewhile(lambda record: record.at < simulated.now, simulate(simulated))
    async with Feed(system.bootstrap_servers, system.topics) as feed:
        count = await feed.send(records, sent=lambda _: None)
    say(f"{count} records sent")


def _named_system(api: str | None) -> tuple[System, str]:
    settings = read_settings("verify")
    system = System(
        settings.kafka_bootstrap_servers,
        settings.database_url,
        Topics(settings.topic_prefix),
        declared_sources(),
    )
    return system, api or environment_value("API_URL") or _API


def _asked_documents(agreements: Path | None) -> Path:
    documents = agreements or default_agreements()
    if documents is None:
        _refuse("no agreements: name their folder with --agreements or ACCORD_AGREEMENTS")
    return documents


def _asked_instant(now: str | None) -> Instant | None:
    text = now or environment_value("CLOCK")
    try:
        return None if text is None else parse_instant(text)
    except ValueError as error:
        _refuse(str(error))


def _show(found: list[Difference]) -> None:
    for difference in found[:_SHOWN]:
        print(difference)
    if len(found) > _SHOWN:
        print(f"… and {len(found) - _SHOWN} more")


class _Changes:
    """Tells what is waited for, each thing once."""

    def __init__(self) -> None:
        self._last = ""

    def __call__(self, text: str) -> None:
        kind = text.translate(str.maketrans("", "", "0123456789"))
        if kind != self._last:
            say(f"  {text}")
        self._last = kind


class _Counted:
    """Tells how many items are done, now and then."""

    def __init__(self, every: int) -> None:
        self._every = every
        self._done = 0

    def __call__(self, more: int) -> None:
        self._done += more
        if self._done % 2000 == 0:
            say(f"  {self._done} of {self._every} items")


def _refuse(text: str) -> NoReturn:
    say(text)
    raise typer.Exit(2)
