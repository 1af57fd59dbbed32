"""The processes of a run: started, killed, stopped and woken; what ends by itself starts again.

Everything here runs in the main thread's event loop, since a child ends with the thread that made
it; what only waits runs on `threads`.
"""

import asyncio
import signal
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Final, Self

from services.cli.stack.child import Child
from services.cli.stack.local_stack import LocalStack
from services.cli.stack.server import Server
from services.cli.stack.services import Services
from services.cli.trial import Trial
from tests.e2e.chaos.proxy import Proxy

SESSION_MS: Final = "6000"
_WATCH_S: Final = 0.2
_AGAIN_S: Final = 0.7
_READY_S: Final = 60.0
_TAIL_BYTES: Final = 4_000


@dataclass(slots=True)
class Member:
    """One process, started as often as it takes."""

    name: str
    services: Services
    proxy: Proxy | None = None
    down: bool = False
    """Whether it is away because the schedule wants it so."""
    frozen: bool = False
    killing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held from a kill until it is started again."""

    @property
    def child(self) -> Child:
        """Its present process."""
        return self.services.child(self.name)

    def launch(self) -> None:
        """Start it, or start it again."""
        self.services.launch(self.name)
        self.down = False

    @property
    def log_end(self) -> int:
        """Where its log ends now."""
        return self.child.log.stat().st_size

    def log_since(self, begun: int = 0) -> bytes:
        """What it has logged since."""
        with self.child.log.open("rb") as log:
            log.seek(begun)
            return log.read()


@dataclass(slots=True)
class Fleet:
    """Evaluators behind proxies, ingests and an API, on one stack."""

    stack: LocalStack
    trial: Trial
    threads: ThreadPoolExecutor
    environment: dict[str, str]
    evaluators: list[Member] = field(default_factory=list)
    ingests: list[Member] = field(default_factory=list)
    api: Member | None = None
    ended: list[str] = field(default_factory=list)
    """Processes that ended by themselves, with the last line that they logged."""
    counted: Counter[str] = field(default_factory=Counter)
    _opened: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def __aenter__(self) -> Self:
        """Nothing runs yet."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop everything, at once."""
        await asyncio.gather(*(self._stop(member) for member in self.members))
        await self._opened.aclose()

    @property
    def members(self) -> list[Member]:
        """Every process."""
        return [*self.evaluators, *self.ingests, *([self.api] if self.api else [])]

    async def start(self, *, evaluators: int, ingests: int) -> None:
        """Start so many of each and wait until they are ready."""
        for number in range(evaluators):
            proxy = await self._opened.enter_async_context(Proxy(self.trial.system.database_url))
            self.evaluators.append(
                self._member(
                    "evaluator", f"evaluator-{number}", proxy, ACCORD_DATABASE_URL=proxy.url
                )
            )
        self.ingests = [self._member("ingest", f"ingest-{number}") for number in range(ingests)]
        self.api = self._member("api", "api")
        for member in self.members:
            member.launch()
        await asyncio.gather(*(self._wait_ready(member) for member in self.members))

    def _member(
        self, name: str, home: str, proxy: Proxy | None = None, **environment: str
    ) -> Member:
        environment |= {**self.environment, "ACCORD_SESSION_TIMEOUT_MS": SESSION_MS}
        services = self.trial.services(clock=None, names=(name,), home=home, **environment)
        return Member(name, services, proxy)

    async def _wait_ready(self, member: Member) -> None:
        end = asyncio.get_running_loop().time() + _READY_S
        url = f"{member.services.health_url(member.name)}/readyz"
        while not await self.wait(_is_ok, url):
            if asyncio.get_running_loop().time() > end:
                message = f"{member.name} is not ready after {_READY_S:g} s: {_last_line(member)}"
                raise RuntimeError(message)
            await asyncio.sleep(_WATCH_S)

    async def wait(self, function: Callable[..., object], *given: object) -> object:
        """Do on a thread what waits and starts no process."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, function, *given)

    async def watch(self, stopping: asyncio.Event) -> None:
        """Start again what ended by itself, as a supervisor would."""
        due: dict[int, float] = {}
        loop = asyncio.get_running_loop()
        while not stopping.is_set():
            for member in self.members:
                if member.down or member.child.code() is None:
                    continue
                if id(member) not in due:
                    due[id(member)] = loop.time() + _AGAIN_S
                    self.ended.append(f"{member.name}: {_last_line(member)}")
                elif loop.time() >= due[id(member)]:
                    del due[id(member)]
                    member.launch()
            await asyncio.sleep(_WATCH_S)

    async def kill(self, member: Member, away_s: float) -> None:
        """End it as a crash would; start it again after so long.

        One that is away already is waited for: started twice, one of both would be lost sight of.
        """
        async with member.killing:
            member.down = True
            await self.wait(member.child.kill)
            self.counted["kills"] += 1
            await asyncio.sleep(away_s)
            member.launch()

    async def restart(self, server: Server, *, hard: bool, away_s: float) -> None:
        """End a server, in order or as a crash would, and have it back."""
        before = server.running().pid
        await self.wait(server.kill if hard else server.stop)
        await asyncio.sleep(away_s)
        server.launch()
        await self.wait(server.wait_ready)
        if server.running().pid != before:
            self.counted[f"{server.name} restarts"] += 1

    def freeze(self, member: Member) -> None:
        """Stop it in mid-step; it notices nothing."""
        member.frozen = True
        member.child.send(signal.SIGSTOP)

    def wake(self, member: Member) -> None:
        """Let it go on."""
        member.frozen = False
        member.child.send(signal.SIGCONT)

    async def _stop(self, member: Member) -> None:
        if member.frozen:
            self.wake(member)
        member.down = True
        await self.wait(member.child.stop)

    def choose(self, members: Iterable[Member], choice: float) -> Member:
        """One that runs, by a number from 0 to 1; any when none does."""
        every = list(members)
        able = [own for own in every if not own.down and not own.frozen] or every
        return able[min(len(able) - 1, int(choice * len(able)))]

    def logged(self, word: bytes, members: Iterable[Member]) -> int:
        """How often a word is in the logs of these."""
        return sum(member.log_since().count(word) for member in members)


def _is_ok(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own address
            status: int = answer.status
    except OSError:
        return False
    return status == HTTPStatus.OK


def _last_line(member: Member) -> str:
    lines = member.log_since(max(0, member.log_end - _TAIL_BYTES)).splitlines()
    return lines[-1].decode(errors="replace")[-600:] if lines else ""
