"""An item: its timeline, and the memo of its fold. Arrival order never matters.

    fold     = step(step(step(nothing, event), event), event)     in the timeline's order
    settled  = fold passed to `now`                               deadlines up to then
    settled -> contributions, clocks, the next instant at which time alone changes them

What is folded is the timeline, which has its own order: in whatever order, batches or copies events
arrive, the result is the same. An event that comes after all that is folded and decided continues
the memo; any other folds the timeline anew.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from shared.domain.clock_reading import ClockReading
from shared.domain.contribution import Contribution
from shared.domain.event import Event, Timeline, comes_after, effective, order_key
from shared.domain.fold import Fold
from shared.domain.instant import Instant
from shared.domain.matcher import as_text
from shared.domain.plan import NOTHING_MEASURED, Plan


@dataclass(frozen=True, slots=True)
class Settled:
    """An item at an instant.

    `next_due` is the first instant at which it settles differently with no new event.
    """

    contributions: tuple[Contribution, ...]
    next_due: Instant | None


class Outcomes(StrEnum):
    """What became of an event that was offered to an item."""

    NEW = "new"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"

    # That of Enum is Python code, and every event has an outcome.
    __hash__ = str.__hash__


@dataclass(frozen=True, slots=True)
class Admission:
    """The outcome, and on a conflict the content that does not stand (perhaps an older one)."""

    outcome: Outcomes
    loser: Event | None = None


_NEW: Final = Admission(Outcomes.NEW)
_DUPLICATE: Final = Admission(Outcomes.DUPLICATE)


class Item:
    """One lead or ticket: its timeline, and the memo of its fold, which only memory holds."""

    __slots__ = ("_corrected", "_fold", "_fresh", "_plan", "_timeline", "kind", "subject")

    def __init__(self, plan: Plan, kind: str, subject: str, events: Iterable[Event] = ()) -> None:
        """An item with events that are known to stand."""
        self.kind = kind
        self.subject = subject
        self._plan = plan.get(kind, NOTHING_MEASURED)
        self._timeline = Timeline(events)
        self._corrected = self._timeline.corrected
        self._fold: Fold | None = None
        self._fresh: list[Event] = []

    @property
    def key(self) -> str:
        """`kind:subject`."""
        return f"{self.kind}:{self.subject}"

    @property
    def events(self) -> list[Event]:
        """All events that stand, in order, future ones included."""
        return self._timeline.events

    def sole(self, attribute: str) -> str:
        """The one value that an attribute has ever had, as text; empty when none or several."""
        events = self._timeline.events
        found: set[str] = set()
        for event in effective(events) if self._corrected else events:
            value = event.data.get(attribute)
            if isinstance(value, str | int | Decimal):
                found.add(as_text(value))
        return found.pop() if len(found) == 1 else ""

    def admit(self, event: Event) -> Admission:
        """Take an event in; it acts at the next `settle`."""
        if self._timeline.is_duplicate(event):
            return _DUPLICATE
        loser = self._timeline.admit(event)
        if loser is event:
            return Admission(Outcomes.CONFLICT, loser)
        self._corrected = self._corrected or event.replaces is not None
        if loser is not None:
            self._fold = None
            return Admission(Outcomes.CONFLICT, loser)
        self._fresh.append(event)
        return _NEW

    def settle(self, *, now: Instant) -> Settled:
        """What the item contributes as of `now`; events later than that do not exist yet."""
        fold = self._folded(now)
        return Settled(tuple(fold.contributions()), fold.next_due(self._fresh))

    def clocks(self, *, now: Instant) -> list[ClockReading]:
        """Every clock as of `now`, in the contract's order (section 5)."""
        readings = self._folded(now).readings(self.key, now)
        # Stable: clocks that came under their objectives at one instant keep the order of events.
        return sorted(readings, key=lambda r: (r.agreement, r.objective, r.cycle, r.came_under))

    def _folded(self, now: Instant) -> Fold:
        fold = self._fold
        due = self._take_due(now)
        if len(due) > 1 and fold is not None:
            due.sort(key=order_key)
        if fold is None or now < fold.passed or (due and not self._continues(fold, due[0])):
            fold = self._fold = Fold(self._plan)
            self._fresh = self._timeline.events
            due = self._take_due(now)
            if self._corrected:
                due = effective(due)
        for event in due:
            fold.step(event)
        fold.pass_to(now)
        return fold

    def _continues(self, fold: Fold, first: Event) -> bool:
        """Whether an event comes after everything that is folded and decided."""
        if self._corrected or first.time <= fold.decided_until:
            return False
        return fold.last is None or comes_after(first, fold.last)

    def _take_due(self, now: Instant) -> list[Event]:
        """The fresh events that exist by now; those of the future stay fresh."""
        fresh = self._fresh
        self._fresh = [event for event in fresh if event.time > now]
        return [event for event in fresh if event.time <= now] if self._fresh else fresh
