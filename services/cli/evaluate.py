"""Evaluating events in memory: lines to items, items to everything that holds at an instant."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import typer

from services.cli.explaining import Explaining
from shared.documents import load
from shared.domain.agreement import Catalogue
from shared.domain.clock_reading import ClockReading
from shared.domain.evaluation import (
    Evaluation,
    ItemBreach,
    WindowBreach,
    WindowReading,
    evaluate,
)
from shared.domain.event import Event
from shared.domain.instant import Instant, format_instant, parse_instant
from shared.domain.item import Item, Outcomes
from shared.domain.plan import Plan, compile_plan
from shared.wire import results
from shared.wire.cloudevents import END_OF_TIME, FIRST_INSTANT, InvalidEvent, decode_line

WRONG_INPUT = 2


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line that is no event, or whose event does not stand; lines count from 1."""

    line: int
    reason: str


class Reading:
    """Event lines gathered into items; their order decides only that of `rejected`."""

    def __init__(self, plan: Plan, *, now: Instant) -> None:
        """Nothing has been read; events later than `now` will not exist yet."""
        self.items: dict[str, Item] = {}
        self._plan = plan
        self._now = now
        self._rejected: list[Rejected] = []
        self._lines: dict[tuple[str, str, str], int] = {}

    @property
    def rejected(self) -> list[Rejected]:
        """What does not stand, in the order of the lines."""
        return sorted(self._rejected, key=lambda own: own.line)

    def read(self, lines: Iterable[tuple[int, bytes]]) -> None:
        """Take lines in, each with its number; empty ones are skipped."""
        for number, line in lines:
            if not line.strip():
                continue
            try:
                event = decode_line(line)
            except InvalidEvent as error:
                self._rejected.append(Rejected(number, str(error)))
                continue
            self.take(event, number)

    def take(self, event: Event, number: int) -> None:
        """Take one event in; `number` says where it came from."""
        if event.time > self._now:
            return
        item = self.items.get(event.item)
        if item is None:
            item = self.items[event.item] = Item(self._plan, event.kind, event.subject)
        identity = (event.item, event.source, event.id)
        admission = item.admit(event)
        match admission.outcome:
            case Outcomes.NEW:
                self._lines[identity] = number
            case Outcomes.CONFLICT if admission.loser is event:
                self._reject(number)
            case Outcomes.CONFLICT:
                self._reject(self._lines[identity])
                self._lines[identity] = number
            case Outcomes.DUPLICATE:
                pass

    def _reject(self, number: int) -> None:
        reason = "conflict: another content stands under the same item, source and id"
        self._rejected.append(Rejected(number, reason))


def evaluation_form(
    catalogue: Catalogue,
    found: Evaluation,
    rejected: Sequence[Rejected] = (),
    *,
    items: Iterable[Item] | None = None,
) -> results.Evaluation:
    """The evaluation in the contract's JSON form; with its `items`, every number says why."""
    clock: Callable[[ClockReading], results.ClockRow] = results.clock_row
    window: Callable[[WindowReading], results.ObjectiveRow] = window_row
    if items is not None:
        explaining = Explaining(catalogue, items, now=found.as_of)
        clock, window = explaining.clock, explaining.window
    return results.Evaluation(
        as_of=format_instant(found.as_of),
        objectives=[window(reading) for reading in found.objectives],
        clocks=[clock(reading) for reading in found.clocks],
        breaches=[
            *(item_breach_row(breach) for breach in found.item_breaches),
            *(window_breach_row(breach) for breach in found.window_breaches),
        ],
        rejected=[results.RejectedRow(own.line, own.reason) for own in rejected],
    )


def window_row(reading: WindowReading) -> results.ObjectiveRow:
    """A window in the contract's form."""
    return results.objective_row(reading.judgement, reading.group, reading.window, reading.measure)


def item_breach_row(breach: ItemBreach) -> results.ItemBreachRow:
    """A breach of an item in the contract's form."""
    return results.item_breach_row(
        (breach.agreement, breach.objective),
        breach.item,
        breach.cycle,
        (breach.opened_at, breach.closed_at),
    )


def window_breach_row(breach: WindowBreach) -> results.WindowBreachRow:
    """A breach of a window in the contract's form."""
    return results.window_breach_row(
        (breach.agreement, breach.objective),
        results.group_form(breach.group_by, breach.group),
        breach.window,
        (breach.opened_at, breach.closed_at),
    )


def evaluate_lines(
    catalogue: Catalogue,
    lines: Iterable[bytes],
    *,
    now: Instant,
    explain: bool = False,
    all_windows: bool = False,
) -> results.Evaluation:
    """Evaluate NDJSON lines under the documents as of `now`."""
    reading = Reading(compile_plan(catalogue), now=now)
    reading.read(enumerate(lines, 1))
    items = reading.items.values()
    found = evaluate(catalogue, items, now=now, all_windows=all_windows)
    return evaluation_form(catalogue, found, reading.rejected, items=items if explain else None)


def loaded_documents(agreements: Path) -> Catalogue:
    """The documents of a path; the command ends with their problems where they do not load."""
    loaded = load(agreements)
    if loaded.catalogue is None:
        for problem in loaded.problems:
            typer.echo(str(problem), err=True)
        raise typer.Exit(WRONG_INPUT)
    return loaded.catalogue


def read_now(now: str) -> Instant:
    """The instant of `--now`; the command ends where it is none that an event could have."""
    try:
        instant = parse_instant(now)
    except ValueError as error:
        typer.echo(f"--now: {error}", err=True)
        raise typer.Exit(WRONG_INPUT) from None
    if not FIRST_INSTANT <= instant < END_OF_TIME:
        typer.echo(f"--now: {now} lies outside the years 1900 to 9998", err=True)
        raise typer.Exit(WRONG_INPUT)
    return instant


@contextmanager
def opened(events: str) -> Iterator[BinaryIO]:
    """The lines of a file, or of the standard input for `-`."""
    if events == "-":
        yield sys.stdin.buffer
        return
    try:
        file = Path(events).open("rb")  # noqa: SIM115 - what reading it raises is told elsewhere
    except OSError as error:
        typer.echo(f"{events}: {error.strerror}", err=True)
        raise typer.Exit(WRONG_INPUT) from None
    with file:
        yield file
