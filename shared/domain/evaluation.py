"""Evaluating a whole set of items as of an instant, in memory: what `accord evaluate` shows.

The fold, the contributions and the judging are those of the running system; only the ledger and
the panes are dictionaries here instead of tables.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from shared.domain.agreement import Agreement, Catalogue, Objective, Percentile
from shared.domain.clock import ClockReading
from shared.domain.contribution import Contribution
from shared.domain.instant import Instant
from shared.domain.item import Item
from shared.domain.judge import (
    START,
    Judgement,
    State,
    Step,
    judge,
    misses,
    walk,
    window_breaches,
    windows,
)
from shared.domain.measure import (
    NOTHING,
    Buckets,
    Measure,
    Outcome,
    bucket_of,
    measure_of,
    measure_of_all,
)
from shared.domain.rolling import episodes, slide
from shared.domain.window import RollingWindow, Span

Group = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WindowReading:
    """A window of an objective's group as of an instant: the contract's `objectives[]`."""

    judgement: Judgement
    group: Group
    window: Span
    measure: Measure


@dataclass(frozen=True, slots=True)
class ItemBreach:
    """A clock of a `within` objective that ran out."""

    agreement: str
    objective: str
    item: str
    cycle: int
    opened_at: Instant
    closed_at: Instant | None


@dataclass(frozen=True, slots=True)
class WindowBreach:
    """A window whose value missed its target."""

    agreement: str
    objective: str
    group_by: tuple[str, ...]
    group: Group
    window: Span
    opened_at: Instant
    closed_at: Instant | None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Everything that holds as of an instant, in the contract's order (section 5)."""

    as_of: Instant
    objectives: tuple[WindowReading, ...]
    clocks: tuple[ClockReading, ...]
    item_breaches: tuple[ItemBreach, ...]
    window_breaches: tuple[WindowBreach, ...]


class Ledger:
    """What all items contribute as of an instant, by objective and group.

    Items may be let go of once they are posted.
    """

    def __init__(self, catalogue: Catalogue, *, now: Instant) -> None:
        """Nothing is posted."""
        self._catalogue = catalogue
        self._now = now
        self._entries: dict[tuple[str, str], dict[Group, list[Contribution]]] = defaultdict(
            lambda: defaultdict(list)
        )

    def post(self, item: Item) -> tuple[list[ClockReading], list[ItemBreach]]:
        """Post an item's contributions; its clocks and its breaches, in the contract's order."""
        breaches: list[ItemBreach] = []
        for own in item.settle(now=self._now).contributions:
            self._entries[own.agreement, own.objective][own.group].append(own)
            if own.breaches:
                breaches.append(_item_breach(item.key, own))
        breaches.sort(key=lambda b: (b.agreement, b.objective, b.item, b.cycle, b.opened_at))
        return item.clocks(now=self._now), breaches

    def judge(
        self, *, all_windows: bool = False
    ) -> tuple[tuple[WindowReading, ...], tuple[WindowBreach, ...]]:
        """The windows and their breaches, in the contract's order."""
        readings: list[WindowReading] = []
        missed: list[WindowBreach] = []
        for name in sorted(self._catalogue.agreements):
            agreement = self._catalogue.agreements[name]
            for objective in sorted(agreement.objective_names):
                groups = self._entries.get((name, objective), {})
                for group in sorted({*groups, *_always_listed(agreement, objective)}):
                    entries = groups.get(group, [])
                    shown = _Group(agreement, objective, group, entries, self._now)
                    readings.extend(shown.readings(all_windows=all_windows))
                    missed.extend(shown.breaches())
        return tuple(readings), tuple(missed)


def evaluate(
    catalogue: Catalogue, items: Iterable[Item], *, now: Instant, all_windows: bool = False
) -> Evaluation:
    """Evaluate the items under the documents as of `now`.

    Of rolling windows only the current one is shown unless `all_windows`.
    """
    ledger = Ledger(catalogue, now=now)
    clocks: list[ClockReading] = []
    breaches: list[ItemBreach] = []
    for item in items:
        own_clocks, own_breaches = ledger.post(item)
        clocks.extend(own_clocks)
        breaches.extend(own_breaches)
    readings, missed = ledger.judge(all_windows=all_windows)
    # Stable: what these keys leave open keeps the order of each item's clocks.
    clocks.sort(key=lambda c: (c.agreement, c.objective, c.item, c.cycle, c.came_under))
    breaches.sort(key=lambda b: (b.agreement, b.objective, b.item, b.cycle, b.opened_at))
    return Evaluation(now, readings, tuple(clocks), tuple(breaches), missed)


def _always_listed(agreement: Agreement, objective: str) -> tuple[Group, ...]:
    """The empty group of an objective that is not grouped: listed also without data."""
    own = next(o for v in agreement.versions if (o := v.objective(objective)) is not None)
    return () if own.group_by else ((),)


def _item_breach(item: str, own: Contribution) -> ItemBreach:
    if own.at is None:
        message = "a breach has an instant"
        raise AssertionError(message)
    return ItemBreach(own.agreement, own.objective, item, own.cycle, own.at, own.stopped_at)


class _Group:
    """The contributions to one group of an objective, by the pane that they count in."""

    def __init__(
        self,
        agreement: Agreement,
        objective: str,
        group: Group,
        entries: Iterable[Contribution],
        now: Instant,
    ) -> None:
        self._agreement = agreement
        self._objective = objective
        self._group = group
        self._now = now
        self._own = agreement.judging(objective, now)[1]
        self._panes: dict[Instant, list[Contribution]] = defaultdict(list)
        for entry in entries:
            counts_at = now if entry.counts_at is None else entry.counts_at
            self._panes[self._own.window.pane(counts_at).start].append(entry)
        rolls = isinstance(self._own.window, RollingWindow)
        self._windows = dict(self._rolled() if rolls else self._apart())
        with_data = [span.start for span, measure in self._windows.items() if measure.has_data]
        self._listed = windows(agreement, objective, with_data, grouped=bool(group), now=now)

    def readings(self, *, all_windows: bool) -> Iterator[WindowReading]:
        """The windows that are listed."""
        own = self._own
        rolling = own.window if isinstance(own.window, RollingWindow) else None
        current = own.window.current(self._now)
        for span in self._listed:
            if rolling is None or all_windows or span == current:
                measure = self._windows.get(span, NOTHING)
                yield WindowReading(self._judge(span, measure), self._group, span, measure)

    def breaches(self) -> Iterator[WindowBreach]:
        """The breaches of its windows."""
        window = self._own.window
        if isinstance(window, RollingWindow):
            for own in episodes(window, self._ended(), now=self._now):
                yield self._breach(own.window, own.opened_at, own.closed_at)
            return
        agreement, objective, now = self._agreement, self._objective, self._now
        for span in self._listed:
            steps = _steps(self._panes.get(span.start, ()))
            walked = walk(agreement, objective, span, START, steps, now=now)
            measure = self._windows.get(span, NOTHING)
            found = window_breaches(agreement, objective, span, walked, measure, now=now)
            for opened, closed in found:
                yield self._breach(span, opened, closed)

    def _judge(self, span: Span, measure: Measure) -> Judgement:
        buckets = self._buckets(span) if isinstance(self._own.target, Percentile) else {}
        return judge(
            self._agreement, self._objective, span, measure, now=self._now, buckets=buckets
        )

    def _apart(self) -> Iterator[tuple[Span, Measure]]:
        """The measure of each calendar or tumbling window, which is a pane."""
        for start, entries in self._panes.items():
            yield self._own.window.pane(start), _measure(entries)

    def _rolled(self) -> Iterator[tuple[Span, Measure]]:
        """The measure of each rolling window; what runs is in the current one only."""
        window = self._own.window
        if not isinstance(window, RollingWindow):
            return
        current = window.current(self._now)
        panes = {start: _measure(entries) for start, entries in self._panes.items()}
        total = NOTHING
        for span, entered, left in slide(window, panes, current):
            for start in entered:
                total = total.plus(panes[start])
            for start in left:
                total = total.minus(panes[start])
            yield span, total

    def _ended(self) -> Iterator[tuple[Span, bool]]:
        """The ended windows that are judged, and whether each misses."""
        agreement, objective, now = self._agreement, self._objective, self._now
        known: tuple[Objective, Measure, bool] | None = None
        for span in self._listed:
            measure = self._windows.get(span, NOTHING)
            own = agreement.judging(objective, min(now, span.end - 1))[1]
            if own.is_volume:
                yield span, self._judge(span, measure).state is State.BREACHED
                continue
            # Most windows hold the same as the one a step before.
            if known is None or known[0] is not own or known[1] is not measure:
                known = (own, measure, misses(own, measure))
            yield span, known[2]

    def _buckets(self, span: Span) -> Buckets:
        """The times of the stopped clocks in a window."""
        window = self._own.window
        starts: Sequence[Instant] = [span.start]
        if isinstance(window, RollingWindow):
            starts = range(span.start, span.end, window.step)
        counter: Counter[int] = Counter()
        for start in starts:
            for entry in self._panes.get(start, ()):
                if isinstance(entry.amount, int):
                    counter[bucket_of(entry.amount)] += 1
        return counter

    def _breach(self, span: Span, opened: Instant, closed: Instant | None) -> WindowBreach:
        group_by = self._own.group_by
        return WindowBreach(
            self._agreement.name, self._objective, group_by, self._group, span, opened, closed
        )


def _measure(entries: Iterable[Contribution]) -> Measure:
    return measure_of_all((entry.outcome, entry.amount) for entry in entries)


def _steps(entries: Iterable[Contribution]) -> Iterator[Step]:
    """The contributions that a walk sees, all of one instant together, in order."""
    totals: dict[Instant, Measure] = {}
    for entry in entries:
        if entry.at is not None and entry.outcome is not Outcome.EXCLUDED:
            own = measure_of(entry.outcome, entry.amount)
            known = totals.get(entry.at)
            totals[entry.at] = own if known is None else known.plus(own)
    for at in sorted(totals):
        yield Step(at, totals[at])
