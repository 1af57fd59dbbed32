"""Which kinds of windows the promises have, and what is watched for each."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from services.cli.alert_rules.burn import USUAL, Pair, can_fire, why_not
from shared.domain.agreement import Catalogue, objective_id
from shared.domain.instant import DAY, SECOND, Micros
from shared.domain.judge import allowed_share
from shared.domain.window import CalendarWindow, Period, Window
from shared.wire.results import decimal_text, window_label

PERIODS: Final = {
    Period.DAY: DAY,
    Period.WEEK: 7 * DAY,
    Period.MONTH: 30 * DAY,
    Period.QUARTER: 90 * DAY,
    Period.YEAR: 365 * DAY,
}
"""What a calendar window is taken for, since alerts cannot follow the calendar."""


MINIMUM: Final = 10
"""Events in the long range before anything is said: leads and tickets are few."""


@dataclass(frozen=True, slots=True)
class Watch:
    """How ranges are chosen: what Prometheus is, and from how many events on anything is said."""

    pairs: tuple[Pair, ...] = ()
    scrape: Micros = 15 * SECOND
    storage: Micros = 15 * DAY
    minimum: int = MINIMUM


@dataclass(frozen=True, slots=True)
class WindowKind:
    """Promises with windows of one length: the pairs that are used, and notes on what is not."""

    labels: tuple[str, ...]
    period: Micros
    pairs: tuple[Pair, ...]
    notes: tuple[str, ...]

    @property
    def name(self) -> str:
        """All labels in one word."""
        return "-".join(self.labels).lower()

    @property
    def matcher(self) -> str:
        """What its series have in common, as PromQL writes it."""
        operator = "=" if len(self.labels) == 1 else "=~"
        return f'sla_window{operator}"{"|".join(self.labels)}"'


def window_kinds(catalogue: Catalogue, watch: Watch) -> list[WindowKind]:
    """The kinds of windows of all promises that know a share that may miss, the shortest first."""
    labels: dict[Micros, set[str]] = {}
    budgets: dict[Micros, set[tuple[str, Fraction]]] = {}
    for agreement in catalogue.agreements.values():
        for own in (one for version in agreement.versions for one in version.objectives):
            allowed = allowed_share(own)
            if allowed is not None:
                period = _period(own.window)
                labels.setdefault(period, set()).add(window_label(own.window))
                named = objective_id(agreement.name, own.name)
                budgets.setdefault(period, set()).add((named, allowed))
    return [
        _kind(tuple(sorted(labels[period])), period, sorted(found), watch)
        for period, found in sorted(budgets.items())
    ]


def _kind(
    labels: tuple[str, ...], period: Micros, budgets: list[tuple[str, Fraction]], watch: Watch
) -> WindowKind:
    allowed = tuple(budget for _, budget in budgets)
    pairs, notes = [], []
    for pair in watch.pairs or tuple(usual.scaled(period) for usual in USUAL):
        why = why_not(pair, period, allowed, scrape=watch.scrape, storage=watch.storage)
        if why is None:
            pairs.append(pair)
        else:
            share, long = decimal_text(pair.share * 100), duration(pair.long)
            what = f"{share} % of the budget of a {' or '.join(labels)} within {long}"
            notes.append(f"{what} is not watched: {why}")
    notes.extend(_beyond_reach(period, budgets, pairs))
    return WindowKind(labels, period, tuple(pairs), tuple(notes))


def _beyond_reach(
    period: Micros, budgets: list[tuple[str, Fraction]], pairs: list[Pair]
) -> Iterator[str]:
    for name, budget in budgets:
        never = [pair for pair in pairs if not can_fire(pair.factor(period), budget)]
        share = decimal_text(budget * 100)
        if not budget:
            yield f"{name} has no budget: its first miss is a breach"
        elif len(never) == len(pairs):
            yield f"{name} may miss {share} %: no burn alert can fire for it"
        elif never:
            ranges = ", ".join(duration(pair.long) for pair in never)
            yield f"{name} may miss {share} %: it cannot burn fast enough for {ranges}"


def _period(window: Window) -> Micros:
    return PERIODS[window.period] if isinstance(window, CalendarWindow) else window.length


_UNITS: Final = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


def duration(micros: Micros) -> str:
    """A duration as PromQL writes it, to the second: `1d12h`, `4m40s`."""
    left, words = round(micros / SECOND), ""
    for unit, size in _UNITS:
        number, left = divmod(left, size)
        words += f"{number}{unit}" if number else ""
    return words or "0s"
