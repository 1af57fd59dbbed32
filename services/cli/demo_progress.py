"""How far the history is: two bars on a terminal, a plain line every few seconds elsewhere."""

import time
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

_PLAIN_EVERY_S: Final = 5.0


class HistoryProgress:
    """Shows how much of the history is sent and how much of that is evaluated."""

    def __init__(self, console: Console) -> None:
        """Nothing is shown before the block."""
        self._console = console
        self._last = time.monotonic()
        self._bars = Progress(
            TextColumn("{task.description:<20}"),
            BarColumn(None),
            TextColumn("{task.percentage:>3.0f} %  {task.fields[told]}"),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._sending = self._bars.add_task("a month of history", total=1.0, told="")
        self._judging = self._bars.add_task("evaluated", total=1.0, told="")

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

    def show(self, share: float, sent: int, waiting: int) -> None:
        """`share` (0 to 1) of the history is sent, so many events, of which some still wait."""
        done = max(0, sent - waiting)
        judged = share * done / sent if sent else 0.0
        told = f"{done} events" if waiting or share < 1 else f"{done} events, judging"
        self._bars.update(self._sending, completed=share, told=f"{sent} events")
        self._bars.update(self._judging, completed=judged, told=told)
        if not self._console.is_terminal and time.monotonic() - self._last >= _PLAIN_EVERY_S:
            self._last = time.monotonic()
            self._console.print(
                f"a month of history: {share:.0%} sent ({sent} events), {judged:.0%} evaluated",
                highlight=False,
            )
