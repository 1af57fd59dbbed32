"""`accord demo`: a month of a company's history, then its live traffic, judged as it comes.

Data lie in `.accord/demo`, made anew at each start and left behind for `accord verify --start`.
Exit code 0: it ran for its time, or was stopped; 1: something it needs ended or never came up;
2: asked for something that makes no sense.
"""

import re
import shlex
import time
from collections import deque
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack
from itertools import chain
from pathlib import Path
from typing import Annotated, Final

import typer
from aiokafka.errors import KafkaError
from rich.console import Console

from services.cli.api_client import Api, ApiError
from services.cli.background import Background
from services.cli.demo_progress import HistoryProgress
from services.cli.demo_screen import Screen, Traffic
from services.cli.demo_status import look, refused_documents
from services.cli.feed import Feed
from services.cli.local import default_agreements
from services.cli.simulator.delivery import Record
from services.cli.simulator.stream import Simulation, history_start, simulate
from services.cli.stack.child import StackError
from services.cli.stack.local_stack import DATA, LocalStack
from services.cli.stack.services import Services
from services.cli.terminal import say, until_stopped
from services.cli.verification.rest import Progress, System
from shared.runtime.config import environment_value
from shared.runtime.migrate import MigrationError
from shared.runtime.topics import TopicError, Topics
from shared.runtime.wall_clock import system_clock

DEMO_DATA: Final = DATA / "demo"
_LOOK_S: Final = 1.0
_STEP_S: Final = 0.2
_RATE_OVER: Final = 15
"""Looks over which the rate of live events is shown."""
_HISTORY_PATIENCE_S: Final = 600.0
_LENGTH: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([smh]?)")
_UNITS: Final = {"": 1, "s": 1, "m": 60, "h": 3600}


def length(text: str) -> float:
    """Seconds of a length of time such as `60s`, `5m`, `1h` or `90`."""
    match = _LENGTH.fullmatch(text.strip())
    if match is None:
        message = f"{text!r} is no length of time; write 60s, 5m or 1h"
        raise typer.BadParameter(message)
    return float(match[1]) * _UNITS[match[2]]


def demo_command(
    *,
    run_for: Annotated[
        float | None,
        typer.Option(
            "--for",
            parser=length,
            metavar="<60s|5m|1h>",
            help="How long to run live; default: until Ctrl-C.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed tells the same story.")] = 1,
    rate: Annotated[float, typer.Option(min=0, help="Live events a second.")] = 10.0,
    volume: Annotated[float, typer.Option(min=0.01, help="Size of the history.")] = 1.0,
    agreements: Annotated[
        Path | None, typer.Option(exists=True, help="Folder of documents.")
    ] = None,
    data: Annotated[Path, typer.Option(help="Folder of the data and the logs.")] = DEMO_DATA,
    port_base: Annotated[
        int | None, typer.Option(min=1024, max=65_000, help="Take ports from here on upwards.")
    ] = None,
) -> None:
    """Start everything, load a month of history, go on live, show what holds."""
    try:
        with until_stopped(), ExitStack() as running:
            stack = LocalStack(data, port_base=port_base, fresh=True, say=say)
            running.enter_context(stack)
            services = Services(
                stack.home,
                stack.environment,
                agreements=agreements or default_agreements(),
                ports=stack.ports,
                say=say,
            )
            say("starting ingest, evaluator and api")
            running.enter_context(services)
            show = Show(stack, services, running)
            now = system_clock()
            # On somebody's own servers an earlier demo may have left items: keep names apart.
            tag = "" if stack.kafka else f"-{now // 1_000_000}"
            asked = Simulation(seed, history_start(now), now, volume, rate, tag=tag)
            show.run(asked, run_for)
            say("stopping")
    except (StackError, MigrationError, TopicError, ApiError, KafkaError, OSError) as error:
        say(f"{error}")
        raise typer.Exit(1) from None
    say("`make verify` compares what was said with `accord evaluate` on the same events")


class Show:
    """The demo on a stack and services that run."""

    def __init__(self, stack: LocalStack, services: Services, running: ExitStack) -> None:
        """`running` closes what is opened here."""
        self._stack = stack
        self._services = services
        self._api = running.enter_context(Api(services.api_url))
        self._evaluator = running.enter_context(Api(services.health_url("evaluator")))
        self._console = Console()
        topics = Topics(environment_value("TOPIC_PREFIX") or "")
        system = System(stack.bootstrap_servers, stack.database_url, topics)
        self._background = running.enter_context(Background())
        opened = AsyncExitStack()
        running.callback(lambda: self._background.run(opened.aclose()))
        self._feed = self._background.run(
            opened.enter_async_context(Feed(stack.bootstrap_servers, topics))
        )
        self._pipeline = self._background.run(opened.enter_async_context(Progress(system)))
        self._sent = 0
        self._share = 0.0

    def run(self, simulation: Simulation, seconds: float | None) -> None:
        """Load the history, then live traffic for so many seconds (None: until stopped)."""
        records = simulate(simulation)
        first = self._load(records, simulation)
        self._live(chain([first], records), seconds)

    def _load(self, records: Iterator[Record], simulation: Simulation) -> Record:
        """Send what came before now and wait until it is judged; the first record after it."""
        later: list[Record] = []
        length = simulation.now - simulation.start

        def history() -> Iterator[Record]:
            for record in records:
                if record.at >= simulation.now:
                    later.append(record)
                    return
                self._share = (record.at - simulation.start) / length
                yield record

        with HistoryProgress(self._console) as progress:
            work = self._background.start(self._feed.send(history(), sent=self._count))
            while not work.done():
                self._watch()
                progress.show(self._share, self._sent, self._waiting())
                time.sleep(_STEP_S)
            work.result()
            self._wait_until_judged(progress)
        self._sent = 0
        return later[0]

    def _wait_until_judged(self, progress: HistoryProgress) -> None:
        end = time.monotonic() + _HISTORY_PATIENCE_S
        waiting = self._waiting()
        while waiting or not self._background.run(self._pipeline.is_judged()):
            self._watch()
            progress.show(1.0, self._sent, waiting)
            if time.monotonic() > end:
                message = (
                    f"the history is not evaluated after {_HISTORY_PATIENCE_S:g} s; "
                    f"logs are in {self._stack.home / 'logs'}"
                )
                raise StackError(message)
            time.sleep(_STEP_S)
            waiting = self._waiting()

    def _waiting(self) -> int:
        return self._background.run(self._pipeline.waiting())

    def _live(self, records: Iterator[Record], seconds: float | None) -> None:
        began = time.monotonic()
        marks = deque([(began, 0)], maxlen=_RATE_OVER)
        feed = self._background.start(
            self._feed.send_when_due(records, clock=system_clock, sent=self._count)
        )
        with Screen(self._console, self._addresses()) as screen:
            while seconds is None or time.monotonic() - began < seconds:
                self._watch()
                if feed.done():
                    feed.result()
                marks.append((time.monotonic(), self._sent))
                passed = marks[-1][0] - marks[0][0]
                rate = (marks[-1][1] - marks[0][1]) / passed
                now = system_clock()
                traffic = Traffic(self._sent, rate, self._waiting())
                refused = refused_documents(self._evaluator)
                screen.show(look(self._api, now=now, refused=refused), traffic, now=now)
                time.sleep(_LOOK_S)
        feed.cancel()

    def _count(self, more: int) -> None:
        self._sent += more

    def _watch(self) -> None:
        """Raise with the end of its log if a server or a service has ended."""
        if self._stack.dead():
            raise StackError(self._stack.ended())
        for name, code in self._services.dead().items():
            child = self._services.child(name)
            message = f"the {name} ended with code {code}; {child.log} ends:\n{child.tail()}"
            raise StackError(message)

    def _addresses(self) -> dict[str, str]:
        api = self._services.api_url
        # What the other commands want to know, to be pasted into another terminal. Servers of
        # somebody's own, perhaps with a password, they know from where this one does.
        known = {"ACCORD_API_URL": api}
        if self._stack.kafka:
            known["ACCORD_KAFKA_BOOTSTRAP_SERVERS"] = self._stack.bootstrap_servers
        if self._stack.postgres:
            known["ACCORD_DATABASE_URL"] = self._stack.database_url
        return {
            "page": f"{api}/",
            "docs": f"{api}/docs",
            "states": f"{api}/v1/states",
            "breaches": f"{api}/v1/breaches?open=true",
            "metrics": f"{self._services.health_url('api')}/metrics",
            "for accord": f"export {shlex.join(f'{name}={own}' for name, own in known.items())}",
        }
