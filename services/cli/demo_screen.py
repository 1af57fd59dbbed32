"""How the demo looks: a screen that renews itself on a terminal, plain lines elsewhere."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from services.cli.demo_status import Status
from shared.domain.instant import SECOND, Instant, as_datetime

_PLAIN_EVERY_S: Final = 5.0
_BREACHES_SHOWN: Final = 8
_OTHER_LINES: Final = 17
_STYLES: Final = {"breached": "bold red", "at_risk": "yellow", "ok": "green", "no_data": "dim"}
_WORDS: Final = {"ok": "kept", "at_risk": "at risk", "breached": "broken", "no_data": "no data"}


@dataclass(frozen=True, slots=True)
class Traffic:
    """Live events sent so far, a second lately, and events that wait to be evaluated."""

    sent: int
    rate: float
    waiting: int

    def __str__(self) -> str:
        """For people."""
        return f"{self.sent} live events sent ({self.rate:.1f}/s), {self.waiting} waiting"


class Screen:
    """Shows statuses while its block runs."""

    def __init__(self, console: Console, addresses: Mapping[str, str]) -> None:
        """`addresses` are shown for people to open, each with its name."""
        self._console = console
        self._addresses = addresses
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None
        self._last = 0.0

    def __enter__(self) -> Self:
        """Begin."""
        for name, address in self._addresses.items():
            # One line each, however narrow the terminal: they are copied.
            self._console.print(
                f"{name:<12} {address}", highlight=False, markup=False, soft_wrap=True
            )
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the last picture standing."""
        if self._live is not None:
            self._live.stop()

    def show(self, status: Status, traffic: Traffic, *, now: Instant) -> None:
        """Show how things stand at `now`."""
        if self._live is not None:
            self._live.update(self._picture(status, traffic, now), refresh=True)
        elif time.monotonic() - self._last >= _PLAIN_EVERY_S:
            self._last = time.monotonic()
            line = _line(status, traffic, now)
            self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def _picture(self, status: Status, traffic: Traffic, now: Instant) -> RenderableType:
        room = max(5, self._console.size.height - _OTHER_LINES)
        return Group(
            Text(f"{_clock(now)} UTC   {_states(status)}   {_behind(status, now)}", style="bold"),
            Text(f"{traffic}   Ctrl-C stops"),
            *([Text(_refused(status), style="bold red")] if status.refused else []),
            _promises(status, room),
            _breaches(status),
        )


def _promises(status: Status, room: int) -> Table:
    table = _table("state", "promise", "window", "value", "target", "met/missed/running", "budget")
    for own in status.promises[:room]:
        table.add_row(
            _WORDS.get(own.state, own.state),
            own.sla_id,
            own.window,
            own.value,
            own.target,
            own.counts,
            own.budget,
            style=_STYLES.get(own.state, ""),
        )
    if len(status.promises) > room:
        table.add_row("…", f"and {len(status.promises) - room} more")
    return table


def _table(*columns: str) -> Table:
    table = Table(box=SIMPLE_HEAD, expand=True, pad_edge=False)
    for name in columns:
        table.add_column(name, no_wrap=True, overflow="ellipsis")
    return table


def _breaches(status: Status) -> Table:
    table = _table("broken at", "of", "what", "")
    for own in status.recent[:_BREACHES_SHOWN]:
        style = "red" if own.is_open else "dim"
        table.add_row(
            own.opened_at[11:19], own.scope, own.what, "" if own.is_open else "over", style=style
        )
    return table


def _line(status: Status, traffic: Traffic, now: Instant) -> str:
    newest = next(iter(status.recent), None)
    told = f"; newest breach: {newest.what} at {newest.opened_at[11:19]}" if newest else ""
    refused = f"; {_refused(status)}" if status.refused else ""
    return f"{_clock(now)} {_states(status)}; {traffic}; {_behind(status, now)}{told}{refused}"


def _refused(status: Status) -> str:
    return f"documents refused, {status.refused}"


def _states(status: Status) -> str:
    return ", ".join(f"{status.by_state.get(name, 0)} {word}" for name, word in _WORDS.items())


def _behind(status: Status, now: Instant) -> str:
    return f"{max(0, now - status.as_of) / SECOND:.1f} s behind"


def _clock(now: Instant) -> str:
    return as_datetime(now).strftime("%H:%M:%S")
