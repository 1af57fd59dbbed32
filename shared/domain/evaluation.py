"""Evaluating a whole set of items as of an instant, in memory: what `accord evaluate` shows.

The fold, the contributions and the judging are those of the running system; only the ledger and
the panes are dictionaries here instead of tables.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from shared.domain.agreement import Agreement, Catalogue, Objective, Percentile
from shared.domain.clock_reading import ClockReading
from shared.domain.contribution import Contribution
from shared.domain.instant import Instant
from shared.domain.item import Item
from shared.domain.judge import (
    NO_BUCKETS,
    START,
    Judgement,
    State,
    Step,
    judge,
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
from shared.domain.missing import misses
from shared.domain.rolling import Run, episodes, following, runs
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


Entries = dict[tuple[str, str], dict[Group, list[Contribution]]]
"""Contributions by agreement and objective, and by group."""


class Ledger:
    """What all items contribute as of an instant, by objective and group.

    Items may be let go of once they are posted, and ledgers of some items added to one another.
    """

    def __init__(self, catalogue: Catalogue, *, now: Instant) -> None:
        """Nothing is posted."""
        self._catalogue = catalogue
        self._now = now
        self.entries: Entries = {}

    def post(self, item: Item) -> tuple[list[ClockReading], list[ItemBreach]]:
        """Post an item's contributions; its clocks and its breaches, in the contract's order."""
        breaches: list[ItemBreach] = []
        entries = self.entries
        for own in item.settle(now=self._now).contributions:
            groups = entries.get((own.agreement, own.objective))
            if groups is None:
                groups = entries[own.agreement, own.objective] = {}
            several = groups.get(own.group)
            if several is None:
                several = groups[own.group] = []
            several.append(own)
            if own.breaches:
                breaches.append(_item_breach(item.key, own))
        breaches.sort(key=lambda b: (b.agreement, b.objective, b.item, b.cycle, b.opened_at))
        return item.clocks(now=self._now), breaches

    def add(self, entries: Entries) -> None:
        """Post what another ledger holds."""
        for key, groups in entries.items():
            known = self.entries.setdefault(key, {})
            for group, several in groups.items():
                known.setdefault(group, []).extend(several)

    def judge(
        self, *, all_windows: bool = False
    ) -> tuple[tuple[WindowReading, ...], tuple[WindowBreach, ...]]:
        """The windows and their breaches, in the contract's order."""
        readings: list[WindowReading] = []
        missed: list[WindowBreach] = []
        for name in sorted(self._catalogue.agreements):
            agreement = self._catalogue.agreements[name]
            for objective in sorted(agreement.objective_names):
                groups = self.entries.get((name, objective), {})
                for group in sorted({*groups, *_always_listed(agreement, objective)}):
                    entries = groups.get(group, [])
                    window = agreement.judging(objective, self._now)[1].window
                    given = (agreement, objective, group, entries, self._now)
                    if isinstance(window, RollingWindow):
                        told = _Rolled(*given).told(window, all_windows=all_windows)
                    else:
                        told = _Apart(*given).told()
                    readings.extend(told[0])
                    missed.extend(told[1])
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
        pane = self._own.window.pane
        for entry in entries:
            counts_at = now if entry.counts_at is None else entry.counts_at
            self._panes[pane(counts_at).start].append(entry)

    def _listed(self, with_data: Iterable[Instant]) -> list[Span]:
        grouped = bool(self._group)
        return windows(
            self._agreement, self._objective, [*with_data], grouped=grouped, now=self._now
        )

    def _judge(self, span: Span, measure: Measure, buckets: Buckets = NO_BUCKETS) -> Judgement:
        return judge(
            self._agreement, self._objective, span, measure, now=self._now, buckets=buckets
        )

    def _reading(
        self, span: Span, measure: Measure, buckets: Buckets = NO_BUCKETS
    ) -> WindowReading:
        judgement = self._judge(span, measure, buckets)
        return WindowReading(judgement, self._group, span, measure)

    def _breach(self, span: Span, opened: Instant, closed: Instant | None) -> WindowBreach:
        group_by = self._own.group_by
        return WindowBreach(
            self._agreement.name, self._objective, group_by, self._group, span, opened, closed
        )


class _Apart(_Group):
    """Calendar or tumbling windows: each is a pane."""

    def told(self) -> tuple[list[WindowReading], list[WindowBreach]]:
        """The windows that are listed, and their breaches."""
        measures = {start: _measure(entries) for start, entries in self._panes.items()}
        agreement, objective, now = self._agreement, self._objective, self._now
        percentile = isinstance(self._own.target, Percentile)
        readings: list[WindowReading] = []
        breaches: list[WindowBreach] = []
        for span in self._listed(start for start, own in measures.items() if own.has_data):
            entries = self._panes.get(span.start, ())
            measure = measures.get(span.start, NOTHING)
            buckets = Counter(_buckets(entries)) if percentile else NO_BUCKETS
            readings.append(self._reading(span, measure, buckets))
            walked = walk(agreement, objective, span, START, _steps(entries), now=now)
            found = window_breaches(agreement, objective, span, walked, measure, now=now)
            breaches.extend(self._breach(span, opened, closed) for opened, closed in found)
        return readings, breaches


class _Rolled(_Group):
    """Rolling windows: sums of panes, alike for as long as no pane comes in or goes."""

    def told(
        self, window: RollingWindow, *, all_windows: bool
    ) -> tuple[list[WindowReading], list[WindowBreach]]:
        """The windows that are listed (only the current one unless `all_windows`), the breaches."""
        current = window.current(self._now)
        ended: Iterable[tuple[Span, Span, bool]]
        if self._own.is_volume:
            judged = self._volumes(window, current)
            ended = ((own.window, own.window, _is_missed(own)) for own in judged)
            readings = [own for own in judged if all_windows or own.window == current]
        else:
            ended = self._ended(window, current)
            readings = [*self._readings(window, current, all_windows=all_windows)]
        breaches = [
            self._breach(own.window, own.opened_at, own.closed_at)
            for own in episodes(window, ended, now=self._now)
        ]
        return readings, breaches

    def _readings(
        self, window: RollingWindow, current: Span, *, all_windows: bool
    ) -> Iterator[WindowReading]:
        percentile = isinstance(self._own.target, Percentile)
        buckets: Counter[int] = Counter()
        shown = False
        for run, measure in self._measured(window, current):
            if percentile:
                buckets.update(_buckets(e for start in run.entered for e in self._panes[start]))
                buckets.subtract(_buckets(e for start in run.left for e in self._panes[start]))
            if not measure.has_data:
                continue
            shown = run.last == current
            spans = [run.first, *following(window, run.first, run.last)] if all_windows else ()
            for span in spans or ((current,) if shown else ()):
                yield self._reading(span, measure, buckets)
        if not shown:
            for span in self._listed(()):
                yield self._reading(span, NOTHING)

    def _volumes(self, window: RollingWindow, current: Span) -> list[WindowReading]:
        measures = {
            span: measure
            for run, measure in self._measured(window, current)
            for span in (run.first, *following(window, run.first, run.last))
        }
        listed = self._listed(span.start for span, own in measures.items() if own.has_data)
        return [self._reading(span, measures.get(span, NOTHING)) for span in listed]

    def _ended(self, window: RollingWindow, current: Span) -> Iterator[tuple[Span, Span, bool]]:
        """The windows with data, those alike together, and whether they miss."""
        for run, measure in self._measured(window, current):
            if not measure.has_data:
                continue
            own, last = self._judging(run.first), self._judging(run.last)
            if own is last:
                yield run.first, run.last, misses(own, measure)
                continue
            for span in (run.first, *following(window, run.first, run.last)):
                yield span, span, misses(self._judging(span), measure)

    def _measured(self, window: RollingWindow, current: Span) -> Iterator[tuple[Run, Measure]]:
        """What windows hold; what runs is in the current one only."""
        panes = {start: _measure(entries) for start, entries in self._panes.items()}
        total = NOTHING
        for run in runs(window, panes, current):
            for start in run.entered:
                total = total.plus(panes[start])
            for start in run.left:
                total = total.minus(panes[start])
            yield run, total

    def _judging(self, span: Span) -> Objective:
        return self._agreement.judging(self._objective, min(self._now, span.end - 1))[1]


def _is_missed(own: WindowReading) -> bool:
    return own.judgement.state is State.BREACHED


def _buckets(entries: Iterable[Contribution]) -> Iterator[int]:
    """How long each stopped clock took, as a percentile counts it."""
    return (bucket_of(entry.amount) for entry in entries if isinstance(entry.amount, int))


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
