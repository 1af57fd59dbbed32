"""How far a replay is: a bar on a terminal, a plain line every few seconds elsewhere."""

import time
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from services.cli.replaying.rebuild import Pace

_PLAIN_EVERY_S: Final = 5.0


class ReplayProgress:
    """Shows each phase with its pace and what is left; nothing of it goes to stdout."""

    def __init__(self) -> None:
        """Nothing is shown before the block."""
        self._console = Console(stderr=True)
        self._bars = Progress(
            TextColumn("{task.description:<8}"),
            BarColumn(None),
            TextColumn("{task.percentage:>3.0f} %  {task.fields[told]}"),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._tasks: dict[str, tuple[TaskID, Pace]] = {}
        self._ended: set[str] = set()
        self._last = time.monotonic()

    def __enter__(self) -> Self:
        """Begin."""
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the last picture standing."""
        self._bars.stop()

    def say(self, text: str) -> None:
        """A line."""
        self._console.print(text, highlight=False, soft_wrap=True, markup=False)

    def show(self, phase: str, done: int, total: int, events: int) -> None:
        """So much of a phase is done; `events` is 0 where none are folded."""
        if phase not in self._tasks:
            self._tasks[phase] = (self._bars.add_task(phase, total=1.0, told=""), Pace())
        task, pace = self._tasks[phase]
        told = f"{done} of {total} objectives"
        if events:
            told = f"{events} events, {pace.rate(events)}/s"
        if 0 < done < total:
            told += f", {pace.left_s(done, total):.0f} s left"
        share = done / total if total else 1.0
        self._bars.update(task, completed=share, told=told)
        if self._console.is_terminal or phase in self._ended:
            return
        if done >= total:
            self._ended.add(phase)
        elif time.monotonic() - self._last < _PLAIN_EVERY_S:
            return
        self._last = time.monotonic()
        self.say(f"{phase}: {share:.0%}, {told}")
