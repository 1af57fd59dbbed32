"""The pace of a volume target: what should be there by now, in open time (contract section 4).

    pace = n x open time elapsed / open time of the window

Open time is that of the judging version's calendar inside the effective periods of the versions
that have the objective.
"""

from fractions import Fraction

from shared.domain.agreement import Agreement, AtLeast, Objective, Version
from shared.domain.instant import Instant, Micros
from shared.domain.window import Span


def is_behind(
    agreement: Agreement,
    version: Version,
    own: Objective,
    span: Span,
    total: Fraction,
    *,
    now: Instant,
) -> bool:
    """Whether a total is behind the pace by more than the tolerance; without a pace never."""
    if own.pace is None or not isinstance(own.target, AtLeast):
        return False
    whole = open_time(agreement, version, own, span, span.end)
    elapsed = open_time(agreement, version, own, span, now)
    return total * whole < own.target.amount * elapsed * (1 - own.pace)


def pace_crossing(
    agreement: Agreement, version: Version, own: Objective, span: Span, total: Fraction
) -> Instant | None:
    """When a total that does not grow falls behind the pace; None if it never does."""
    if own.pace is None or not isinstance(own.target, AtLeast) or total >= own.target.amount:
        return None
    share = own.target.amount * (1 - own.pace)
    if share <= 0:
        return None
    whole = open_time(agreement, version, own, span, span.end)
    left = max(total * whole // share + 1, 0)
    for period in periods(agreement, own, span):
        inside = version.calendar.open_between(period.start, period.end)
        if left <= inside:
            return version.calendar.reach(period.start, int(left), period.end)
        left -= inside
    return None


def open_time(
    agreement: Agreement, version: Version, own: Objective, span: Span, until: Instant
) -> Micros:
    """Open time of the window up to `until`, inside the effective periods that it lies in."""
    return sum(
        version.calendar.open_between(period.start, min(period.end, until))
        for period in periods(agreement, own, span)
    )


def periods(agreement: Agreement, own: Objective, span: Span) -> list[Span]:
    """The parts of a window in which a version with that objective is effective."""
    having = (v for v in agreement.versions if v.objective(own.name) is not None)
    parts = (
        Span(max(v.start, span.start), span.end if v.until is None else min(v.until, span.end))
        for v in having
    )
    return [part for part in parts if part.start < part.end]
