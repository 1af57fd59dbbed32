"""What everything in a run shares: the dice, the loop, clocks, faults counted, what is noted."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from random import Random
from typing import Any, Final

from shared.domain.instant import SECOND, Instant, parse_instant
from tests.simulation.loop import BEGIN_S, PROCESS, Loop, Process

SPEED: Final = 600
"""Seconds of every clock in one second of the loop: deadlines and disorder take minutes, while what
the evaluator waits for between its steps takes parts of a second."""
BASE: Final[Instant] = parse_instant("2026-03-02T08:00:00Z")

COMMIT: Final = "COMMIT"
Reply = Callable[[Any], None]
"""Hands a result to whoever asked; an exception is raised there."""


@dataclass
class Weather:
    """How likely a question to a server goes wrong, and how long ways are (seconds of the loop)."""

    lost: float = 0.0
    commits: float = 0.0
    way: float = 0.004
    slow: float = 0.0


class Difference(AssertionError):  # noqa: N818 - what a run finds
    """What must not be."""


@dataclass
class World:
    """One run."""

    seed: int
    dice: Random
    loop: Loop
    tracing: bool = False
    faults: Counter[str] = field(default_factory=Counter)
    met: Counter[str] = field(default_factory=Counter)
    """What came of faults and of the story, by kind: whether a run really exercises it."""
    lines: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    processes: list[Process] = field(default_factory=list)
    healed: bool = False
    _digest: Any = field(default_factory=lambda: blake2b(digest_size=8))

    @property
    def now(self) -> Instant:
        """The true time."""
        return BASE + round((self.loop.time() - BEGIN_S) * SPEED * SECOND)

    @property
    def fingerprint(self) -> str:
        """The same for two runs in which the same happened."""
        return str(self._digest.hexdigest())

    def show(self, text: str) -> None:
        """Have it in the trace, and not in the fingerprint."""
        if self.tracing:
            who = PROCESS.get()
            name = who.name if who else "-"
            self.lines.append(f"{self.loop.time() - BEGIN_S:8.4f} {name:10} {text}")

    def note(self, text: str, process: Process | None = None) -> None:
        """Remember a step."""
        who = process or PROCESS.get()
        line = f"{self.loop.time() - BEGIN_S:8.4f} {who.name if who else '-':10} {text}"
        self._digest.update(line.encode())
        if self.tracing:
            self.lines.append(line)

    def differs(self, text: str) -> None:
        """Note what must not be; the run ends with it."""
        self.note(f"DIFFERENCE {text}")
        self.differences.append(text)

    def fault(self, name: str, text: str = "", process: Process | None = None) -> None:
        """Count a fault that happens."""
        self.faults[name] += 1
        self.note(f"fault {name} {text}", process)

    def chance(self, probability: float) -> bool:
        """Throw the dice."""
        return self.dice.random() < probability


class Server:
    """Something at the other end of a wire, whose requests and replies get lost."""

    def __init__(self, world: World, name: str, errors: Callable[[Random], BaseException]) -> None:
        """`errors` are what its client raises when the wire breaks."""
        self.world = world
        self.weather = Weather()
        self._name = name
        self._errors = errors

    def error(self) -> BaseException:
        """What a broken wire raises."""
        return self._errors(self.world.dice)

    def way(self) -> float:
        """How long the next message takes."""
        dice, weather = self.world.dice, self.weather
        way = weather.way * (0.5 + dice.random())
        return way * 40 if weather.slow and dice.random() < weather.slow else way

    async def ask(self, serve: Callable[[Reply], None], what: str) -> Any:  # noqa: ANN401 - what a server says, each its own
        """Have the server do something and wait for what it says; it may be done nevertheless."""
        loop, dice = self.world.loop, self.world.dice
        future: asyncio.Future[Any] = loop.create_future()

        def replied(result: object) -> None:
            if future.done():
                return
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)

        def reply(result: object) -> None:
            loop.outside(self.way(), replied, result)

        is_commit = what == COMMIT
        likely = max(self.weather.lost, self.weather.commits if is_commit else 0.0)
        name = f"{self._name} {COMMIT}" if is_commit else self._name
        fate = dice.random() if likely else 1.0
        if fate >= likely:
            loop.outside(self.way(), serve, reply)
        elif fate < likely / 3:
            self.world.fault(f"{name}: request lost", what)
            loop.outside(self.way() * 3, replied, self.error())
        elif fate < likely * 2 / 3:
            self.world.fault(f"{name}: reply lost", what)
            loop.outside(
                self.way(), serve, lambda _: loop.outside(self.way(), replied, self.error())
            )
        else:
            # The wire breaks while the server has still to begin.
            self.world.fault(f"{name}: broken meanwhile", what)
            loop.outside(self.way(), replied, self.error())
            loop.outside(self.way() * 8, serve, lambda _: None)
        return await future
