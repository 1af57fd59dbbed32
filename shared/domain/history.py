"""What happened to an item's clocks and why: its timeline folded once more, under observation.

Folding itself records nothing for explanations, so that it stays quick; who asks pays.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from shared.domain.agreement import Kpi, Objective, OnChange, Version
from shared.domain.clock import Clock, ClockState
from shared.domain.clock_reading import ClockReading
from shared.domain.cycle import Cycle, Track
from shared.domain.event import Event, effective
from shared.domain.fold import Fold
from shared.domain.instant import Instant, format_instant
from shared.domain.matcher import Attributes, Matcher
from shared.domain.milestone import Moment
from shared.domain.plan import MERGED, NOTHING_MEASURED, KindPlan, Plan
from shared.domain.wording import listed_words, matcher_words, mismatch_words, value_words

ClockKey = tuple[str, str, int, int]
"""Agreement, objective, cycle and ordinal: no two clocks of an item share these."""


class What(StrEnum):
    """What can happen to a clock: at an event, or (`breached`) by time alone."""

    STARTED = "started"
    BEGAN_LATE = "began_late"
    TOOK_OVER = "took_over"
    STOPPED = "stopped"
    CONTINUED = "continued"
    BREACHED = "breached"
    KEPT = "kept"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Happening:
    """What an event did to a clock, and why; nothing but time breaches it."""

    at: Instant
    what: What
    event: Event | None
    text: str


@dataclass(frozen=True, slots=True)
class Alternative:
    """An objective of the clock's series as of the event at which the clock came under its own."""

    objective: str
    chosen: bool
    text: str


@dataclass(frozen=True, slots=True)
class Mode:
    """From an instant on, why the clocks of a cycle stand still; None where they run."""

    since: Instant
    stands: str | None


@dataclass(frozen=True, slots=True)
class History:
    """One clock's: what it was under, what else could have been, what happened, its cycle's modes.

    `happened` is in the order of events, and so are `modes`, each from its instant on: of several
    of one instant the last holds.
    """

    version: Version
    objective: Objective
    cycle: int
    alternatives: tuple[Alternative, ...]
    happened: list[Happening] = field(default_factory=list)
    modes: list[Mode] = field(default_factory=list)


def histories(
    plan: Plan, kind: str, events: Sequence[Event], *, now: Instant
) -> dict[ClockKey, History]:
    """The histories of all clocks of an item with these events, as of `now`."""
    fold = _Observed(plan.get(kind, NOTHING_MEASURED))
    for event in effective([own for own in events if own.time <= now]):
        fold.step(event)
    return fold.found


def whole_story(history: History, reading: ClockReading) -> list[Happening]:
    """What happened to a clock in order, with the instant at which it ran out."""
    if reading.breached_at is None:
        return [*history.happened]
    at = reading.breached_at
    if reading.due_last is not None and reading.due_last < at:
        text = "it was past its target already when it came under this objective"
    else:
        text = "its target was used up, and it went on"
    breached = Happening(at, What.BREACHED, None, text)
    story = [*history.happened]
    # Time passes before an event acts: the one that stops a clock past its target comes after.
    later = (
        place
        for place, own in enumerate(story)
        if own.at > at or (own.at == at and own.what is What.STOPPED)
    )
    story.insert(next(later, len(story)), breached)
    return story


def clock_key(reading: ClockReading) -> ClockKey:
    """The key of a clock as it is read."""
    return (reading.agreement, reading.objective, reading.cycle, reading.ordinal)


class _Observed(Fold):
    """A fold that looks at the cycles of a KPI after each event that acted on them."""

    __slots__ = ("_watches", "found")

    def __init__(self, plan: KindPlan) -> None:
        super().__init__(plan)
        self.found: dict[ClockKey, History] = {}
        self._watches: dict[str, _Watch] = {}

    def _act(self, track: Track, moment: Moment) -> None:
        super()._act(track, moment)
        name = track.plan.kpi.name
        watch = self._watches.get(name)
        if watch is None:
            watch = self._watches[name] = _Watch(track.plan.kpi, self.found)
        if track.cycles:
            watch.look(track, moment)


class _Watched:
    """A clock with what was last seen of it."""

    __slots__ = ("clock", "history", "matched", "stopped_at")

    def __init__(self, clock: Clock, history: History) -> None:
        self.clock = clock
        self.history = history
        self.stopped_at = clock.stopped_at
        self.matched: str | None = clock.objective.name


class _Watch:
    """One KPI on one item: the clocks of the cycle that is looked at, and its modes."""

    def __init__(self, kpi: Kpi, found: dict[ClockKey, History]) -> None:
        self._kpi = kpi
        self._found = found
        self._cycle = 0
        self._known: list[Clock] = []
        self._live: list[_Watched] = []
        self._modes: list[Mode] = []

    def look(self, track: Track, moment: Moment) -> None:
        cycle = track.cycles[-1]
        begins = cycle.number != self._cycle
        added = cycle.clocks[0 if begins else len(self._known) :]
        for watched in self._live:
            self._compare(watched, added, moment)
        if begins:
            self._cycle, self._known, self._live, self._modes = cycle.number, [], [], []
        for clock in added:
            self._begin(clock, cycle, moment, begins=begins)
        self._live = [own for own in self._live if own.clock.state not in _GONE]
        self._note_mode(track, cycle, moment)

    def _begin(self, clock: Clock, cycle: Cycle, moment: Moment, *, begins: bool) -> None:
        history = History(
            version=clock.version,
            objective=clock.objective,
            cycle=cycle.number,
            alternatives=_alternatives(clock, moment.after),
            modes=self._modes,
        )
        before = _neighbour(self._known, clock, clock.ordinal - 1)
        if begins:
            what, text = What.STARTED, f"{moment.event.type} began cycle {cycle.number}"
        elif before is None or before.state is not ClockState.SUPERSEDED:
            what, text = What.BEGAN_LATE, _late(clock, moment)
        else:
            what, text = What.TOOK_OVER, _takes_over(clock, before, moment)
        history.happened.append(Happening(moment.event.time, what, moment.event, text))
        key = (clock.version.agreement, clock.objective.name, cycle.number, clock.ordinal)
        self._found[key] = history
        self._known.append(clock)
        self._live.append(_Watched(clock, history))

    def _compare(self, watched: _Watched, added: Sequence[Clock], moment: Moment) -> None:
        clock, event = watched.clock, moment.event
        found: tuple[What, str] | None = None
        if clock.state is ClockState.SUPERSEDED:
            successor = _neighbour(added, clock, clock.ordinal + 1)
            found = What.SUPERSEDED, _superseded(clock, successor, moment)
        elif clock.state is ClockState.CANCELLED:
            found = What.CANCELLED, _cancelled(clock, moment)
        elif watched.stopped_at is None and clock.stopped_at is not None:
            found = What.STOPPED, f"{event.type} stopped it"
        elif watched.stopped_at is not None and clock.stopped_at is None:
            found = What.CONTINUED, f"{event.type} reopened it; the time between counts as paused"
        elif clock.undecided and moment.changed:
            found = self._kept(watched, moment)
        watched.stopped_at = clock.stopped_at
        if found is not None:
            watched.history.happened.append(Happening(event.time, found[0], event, found[1]))

    @staticmethod
    def _kept(watched: _Watched, moment: Moment) -> tuple[What, str] | None:
        """That it stays though another objective matches now, or none."""
        clock = watched.clock
        if clock.objective.on_change is not OnChange.KEEP:
            return None
        chosen = (own.objective for own in _alternatives(clock, moment.after) if own.chosen)
        matched = next(chosen, None)
        if matched == watched.matched:
            return None
        watched.matched = matched
        other = "nothing matches now" if matched is None else f"{matched} matches now"
        if matched == clock.objective.name:
            other = f"{matched} matches again"
        return What.KEPT, f"{_change(clock, moment)}: {other}, and the clock keeps its objective"

    def _note_mode(self, track: Track, cycle: Cycle, moment: Moment) -> None:
        at = moment.event.time
        stands: str | None = None
        if not track.open and cycle.stopped_at is not None:
            stands = f"stopped from {format_instant(cycle.stopped_at)} until reopened"
        elif track.open and cycle.paused_since is not None:
            matching = [own for own in self._kpi.pause if own.matches(moment.after)]
            stands = " or ".join(map(matcher_words, matching))
        if not self._modes or self._modes[-1].stands != stands:
            self._modes.append(Mode(at, stands))


_GONE = frozenset({ClockState.SUPERSEDED, ClockState.CANCELLED})


def _series(clock: Clock) -> list[tuple[Objective, Matcher]]:
    """The alternatives that the clock's objective is one of, in document order."""
    own, version = clock.objective, clock.version
    return [
        (other, version.applies_to.joined(other.where))
        for other in version.objectives
        if other.kpi.name == own.kpi.name and other.series == own.series
    ]


def _alternatives(clock: Clock, attributes: Attributes) -> tuple[Alternative, ...]:
    found: list[Alternative] = []
    chosen: str | None = None
    for objective, matcher in _series(clock):
        missed = mismatch_words(matcher, attributes)
        if missed:
            text = f"does not match: {missed}"
        elif chosen is None:
            text = f"the first that matches: {matcher_words(matcher)}"
        else:
            text = f"matches too, but {chosen} comes first in the document"
        first = not missed and chosen is None
        if first:
            chosen = objective.name
        found.append(Alternative(objective.name, first, text))
    return tuple(found)


def _neighbour(clocks: Sequence[Clock], clock: Clock, ordinal: int) -> Clock | None:
    """The clock of the same series with that ordinal, most likely one of the last."""
    for other in reversed(clocks):
        if (
            other.ordinal == ordinal
            and other.version is clock.version
            and other.objective.series == clock.objective.series
        ):
            return other
    return None


def _late(clock: Clock, moment: Moment) -> str:
    name = clock.objective.name
    counts = "the start of the cycle" if clock.objective.on_change is OnChange.CARRY else "here"
    return f"{_change(clock, moment)}: {name} matches, and no clock ran; it counts from {counts}"


def _takes_over(clock: Clock, before: Clock, moment: Moment) -> str:
    carried = before.objective.on_change is OnChange.CARRY
    how = "with its start and pauses" if carried else "and begins from zero"
    return f"{_change(clock, moment)}: takes over from {before.objective.name} {how}"


def _superseded(clock: Clock, successor: Clock | None, moment: Moment) -> str:
    other = "another objective" if successor is None else successor.objective.name
    return f"{_change(clock, moment)}: superseded by {other}"


def _cancelled(clock: Clock, moment: Moment) -> str:
    if moment.event.type == MERGED:
        return f"{MERGED}: the item was merged into another"
    missed = mismatch_words(_series(clock)[0][1], moment.after)
    several = len(_series(clock)) > 1
    which = "no objective of the series matches any more" if several else "it matches no more"
    return f"{_change(clock, moment)}: {which}" + ("" if several or not missed else f" ({missed})")


def _change(clock: Clock, moment: Moment) -> str:
    """Which of the attributes that the series looks at got another value at the event."""
    names = {name for _, matcher in _series(clock) for name in matcher.names}
    changed = [
        f"{name} became {value_words(moment.after.get(name))}"
        f" (was {value_words(moment.before.get(name))})"
        for name in moment.changed
        if name in names
    ]
    return listed_words(changed) or moment.event.type
