"""Evaluating a whole set of items as of an instant, in memory: what `accord evaluate` shows.

The fold, the contributions and the judging are those of the running system; only the ledger and
the panes are dictionaries here instead of tables.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from shared.domain.agreement import Agreement, Catalogue
from shared.domain.clock import ClockReading
from shared.domain.instant import Instant
from shared.domain.item import Contribution, Item
from shared.domain.judge import START, Judgement, Step, judge, walk, window_breaches, windows
from shared.domain.measure import NOTHING, ONE, Counts, Outcome
from shared.domain.window import Span

Group = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WindowReading:
    """A window of an objective's group as of an instant: the contract's `objectives[]`."""

    judgement: Judgement
    group: Group
    window: Span
    counts: Counts


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


def evaluate(catalogue: Catalogue, items: Iterable[Item], *, now: Instant) -> Evaluation:
    """Evaluate the items under the documents as of `now`."""
    ledger: dict[tuple[str, str], dict[Group, list[Contribution]]] = defaultdict(
        lambda: defaultdict(list)
    )
    clocks: list[ClockReading] = []
    breaches: list[ItemBreach] = []
    for item in items:
        for own in item.settle(now=now).contributions:
            ledger[own.agreement, own.objective][own.group].append(own)
            if own.breaches:
                breaches.append(_item_breach(item.key, own))
        clocks.extend(item.clocks(now=now))
    readings: list[WindowReading] = []
    missed: list[WindowBreach] = []
    for name in sorted(catalogue.agreements):
        agreement = catalogue.agreements[name]
        for objective in sorted(agreement.objective_names):
            groups = ledger.get((name, objective), {})
            for group in sorted({*groups, *_always_listed(agreement, objective)}):
                told = _group(agreement, objective, group, groups.get(group, []), now)
                readings.extend(told[0])
                missed.extend(told[1])
    # Stable: what these keys leave open keeps the order of each item's clocks.
    clocks.sort(key=lambda c: (c.agreement, c.objective, c.item, c.cycle, c.came_under))
    breaches.sort(key=lambda b: (b.agreement, b.objective, b.item, b.cycle, b.opened_at))
    return Evaluation(now, tuple(readings), tuple(clocks), tuple(breaches), tuple(missed))


def _always_listed(agreement: Agreement, objective: str) -> tuple[Group, ...]:
    """The empty group of an objective that is not grouped: listed also without data."""
    own = next(o for v in agreement.versions if (o := v.objective(objective)) is not None)
    return () if own.group_by else ((),)


def _item_breach(item: str, own: Contribution) -> ItemBreach:
    if own.at is None:
        message = "a breach has an instant"
        raise AssertionError(message)
    return ItemBreach(own.agreement, own.objective, item, own.cycle, own.at, own.stopped_at)


def _group(
    agreement: Agreement, objective: str, group: Group, entries: list[Contribution], now: Instant
) -> tuple[list[WindowReading], list[WindowBreach]]:
    window = agreement.judging(objective, now)[1].window
    by_window: dict[Instant, list[Contribution]] = defaultdict(list)
    for entry in entries:
        counts_at = now if entry.at is None else entry.at
        by_window[window.holding(counts_at).start].append(entry)
    readings: list[WindowReading] = []
    missed: list[WindowBreach] = []
    for span in windows(agreement, objective, by_window, grouped=bool(group), now=now):
        own = by_window.get(span.start, [])
        counts = sum((ONE[entry.outcome] for entry in own), NOTHING)
        judgement = judge(agreement, objective, span, counts, now=now)
        readings.append(WindowReading(judgement, group, span, counts))
        walked = walk(agreement, objective, span, START, _steps(own), now=now)
        group_by = judgement.objective.group_by
        missed.extend(
            WindowBreach(agreement.name, objective, group_by, group, span, opened, closed)
            for opened, closed in window_breaches(
                agreement, objective, span, walked, counts, now=now
            )
        )
    return readings, missed


def _steps(entries: Iterable[Contribution]) -> Iterator[Step]:
    """The contributions that a walk sees, all of one instant together, in order."""
    totals: dict[Instant, Counts] = defaultdict(Counts)
    for entry in entries:
        if entry.at is not None and entry.outcome is not Outcome.EXCLUDED:
            totals[entry.at] += ONE[entry.outcome]
    for at in sorted(totals):
        counts = totals[at]
        yield Step(at, counts.met, counts.missed, counts.counted)
