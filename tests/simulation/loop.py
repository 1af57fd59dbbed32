"""An event loop without a clock: time goes on when nothing else is left to do.

Which of the callbacks that are ready runs next is decided by the seed, and every callback belongs
to a process: one that is stopped or dead runs none, so that a process ends between any two steps,
and nothing that it would have tidied up is tidied up.
"""

import asyncio
import heapq
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from enum import Enum
from random import Random
from typing import Any, TypeVar

BEGIN_S = 1_000.0
STEPS_MAX = 400_000

T = TypeVar("T")


class State(Enum):
    """What a process may do."""

    RUNNING = "running"
    STOPPED = "stopped"
    DEAD = "dead"


class Process:
    """What is stopped, woken and killed as one."""

    def __init__(self, name: str) -> None:
        """It runs."""
        self.name = name
        self.state = State.RUNNING
        self.kept: list[Call] = []
        self._steps_left = 0
        self._then: Callable[[], None] | None = None

    def after(self, steps: int, then: Callable[[], None]) -> None:
        """Have something happen to it when it has taken so many more steps."""
        self._steps_left, self._then = steps, then

    def stepped(self) -> None:
        """It has taken one."""
        if self._then is not None:
            self._steps_left -= 1
            if self._steps_left <= 0:
                then, self._then = self._then, None
                then()


PROCESS: ContextVar[Process | None] = ContextVar("PROCESS", default=None)
"""The process that the running code belongs to; None for Kafka, PostgreSQL and the rest."""


class Call:
    """A callback, and the process that it belongs to: as much of a handle as asyncio uses."""

    __slots__ = ("_args", "_callback", "_context", "is_cancelled", "process")

    def __init__(
        self, callback: Callable[..., object], args: tuple[Any, ...], context: Context
    ) -> None:
        """Of the process that the context names."""
        self._callback = callback
        self._args = args
        self._context = context
        self.is_cancelled = False
        self.process: Process | None = context.get(PROCESS)

    def cancel(self) -> None:
        """Do not call it back."""
        self.is_cancelled = True

    def run(self) -> None:
        """Call it back."""
        self._context.run(self._callback, *self._args)


def _or_copy(context: Context | None) -> Context:
    """An empty context is false."""
    return copy_context() if context is None else context


class StuckError(Exception):
    """Nothing is left to do, or there is no end of it."""


class Loop(asyncio.AbstractEventLoop):
    """What asyncio needs of a loop to run tasks; no files, no sockets, no threads."""

    def __init__(self, dice: Random) -> None:
        """Choose by `dice`."""
        self._random = dice.random
        self._now = BEGIN_S
        self._ready: list[Call] = []
        self._later: list[tuple[float, int, Call]] = []
        self._count = 0
        self.steps = 0
        self.failures: list[str] = []
        self.alive: set[asyncio.Task[Any]] = set()
        self._outside = Context()

    # --- what asyncio asks for ------------------------------------------------------------

    def time(self) -> float:
        """Seconds."""
        return self._now

    def get_debug(self) -> bool:
        """Never."""
        return False

    def is_running(self) -> bool:
        """Whenever somebody asks."""
        return True

    def is_closed(self) -> bool:
        """Never."""
        return False

    def create_future(self) -> asyncio.Future[Any]:
        """A future of this loop."""
        return asyncio.Future(loop=self)

    def create_task(  # type: ignore[override]
        self,
        coro: Coroutine[Any, Any, T],
        *,
        name: str | None = None,
        context: Context | None = None,
    ) -> asyncio.Task[T]:
        """A task in the context given, or in a copy of the caller's."""
        task = asyncio.Task(coro, loop=self, name=name or "-", context=context)
        self.alive.add(task)
        task.add_done_callback(self.alive.discard)
        return task

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: object, context: Context | None = None
    ) -> Call:
        """Run it as soon as may be, in an order that the seed decides."""
        call = Call(callback, args, _or_copy(context))
        self._ready.append(call)
        return call

    def call_later(  # type: ignore[override]
        self,
        delay: float,
        callback: Callable[..., object],
        *args: object,
        context: Context | None = None,
    ) -> Call:
        """Run it in so many seconds."""
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., object],
        *args: object,
        context: Context | None = None,
    ) -> Call:
        """Run it then."""
        call = Call(callback, args, _or_copy(context))
        self._count += 1
        heapq.heappush(self._later, (when, self._count, call))
        return call

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """What nobody waits for is a failure of the run, unless the end of the run is its cause."""
        error = context.get("exception")
        if error is not None:
            self.failures.append(f"{context['message']}: {error!r}")

    # --- running --------------------------------------------------------------------------

    def outside(self, delay: float, callback: Callable[..., object], *args: object) -> None:
        """Have it done by nobody's process: on a server, or by the world."""
        self.call_later(delay, callback, *args, context=self._outside)

    def within(self, process: Process, delay: float, callback: Callable[..., object]) -> None:
        """Have it done by a process."""
        context = Context()
        context.run(PROCESS.set, process)
        self.call_later(delay, callback, context=context)

    def spawn(
        self, coro: Coroutine[Any, Any, T], process: Process | None = None
    ) -> asyncio.Task[T]:
        """A task of a process, or of the world."""
        context = Context()
        context.run(PROCESS.set, process)
        return self.create_task(coro, context=context)

    def wake(self, process: Process) -> None:
        """Let a stopped process go on with what has come meanwhile."""
        process.state = State.RUNNING
        self._ready.extend(process.kept)
        process.kept.clear()

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Run until that is done."""
        asyncio._set_running_loop(self)  # noqa: SLF001 - what a loop has to do
        try:
            task = self.create_task(main, context=Context())
            while not task.done():
                self._step()
            return task.result()
        finally:
            asyncio._set_running_loop(None)  # noqa: SLF001

    def end(self, processes: list[Process]) -> None:
        """Cancel whatever is left, so that nothing of it runs when it is forgotten."""
        asyncio._set_running_loop(self)  # noqa: SLF001
        try:
            for process in processes:
                self.wake(process)
            for _ in range(100):
                for task in sorted(self.alive, key=lambda own: own.get_name()):
                    task.cancel()
                while self._ready:
                    self._step()
                if not self.alive:
                    break
        finally:
            asyncio._set_running_loop(None)  # noqa: SLF001
        self._later.clear()

    def _step(self) -> None:
        ready = self._ready
        if not ready:
            self._go_on()
        self.steps += 1
        if self.steps > STEPS_MAX:
            message = f"no end after {STEPS_MAX} steps"
            raise StuckError(message)
        place = int(self._random() * len(ready))
        ready[place], ready[-1] = ready[-1], ready[place]
        call = ready.pop()
        if call.is_cancelled:
            return
        process = call.process
        if process is not None and process.state is not State.RUNNING:
            process.kept.append(call)
            return
        call.run()
        if process is not None:
            process.stepped()

    def _go_on(self) -> None:
        """Let time pass until something is ready."""
        later = self._later
        while later and later[0][2].is_cancelled:
            heapq.heappop(later)
        if not later:
            message = "nothing is left to do"
            raise StuckError(message)
        self._now = later[0][0]
        while later and later[0][0] <= self._now:
            self._ready.append(heapq.heappop(later)[2])
