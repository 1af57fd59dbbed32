"""The contract's JSON forms of results (section 5): one place for `accord evaluate` and the api.

Instants are text in UTC, seconds JSON numbers, ratios and values decimal text, all of them exact.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Final

import msgspec

from shared.domain.agreement import Kpi, MeasureKind, sla_id
from shared.domain.clock_reading import ClockReading
from shared.domain.instant import DAY, HOUR, MINUTE, SECOND, Instant, Micros, format_instant
from shared.domain.judge import Judgement
from shared.domain.measure import Measure
from shared.domain.window import CalendarWindow, RollingWindow, Span, TumblingWindow, Window

Seconds = int | Decimal
"""A JSON number with at most six decimals."""

_DIGITS: Final = 12
_SCALE: Final = 10**_DIGITS
_encoder: Final = msgspec.json.Encoder(decimal_format="number")


class WindowForm(msgspec.Struct, frozen=True):
    """`{"start": …, "end": …}`."""

    start: str
    end: str


class ObjectiveRow(msgspec.Struct, frozen=True, kw_only=True):
    """A member of `objectives[]`: one window of one objective and group."""

    sla_id: str
    agreement: str
    objective: str
    level: str
    group: Mapping[str, str]
    window: WindowForm
    final: bool
    value: str | None
    target: Mapping[str, object]
    state: str
    budget_remaining: str | None
    counts: Mapping[str, int]


class ClockRow(msgspec.Struct, frozen=True, kw_only=True):
    """A member of `clocks[]`: one clock of one item."""

    agreement: str
    objective: str
    item: str
    cycle: int
    state: str
    at_risk: bool
    binding: bool
    started_at: str
    stopped_at: str | None
    due_at: str | None
    due_last: str | None
    breached_at: str | None
    elapsed_s: Seconds
    paused_s: Seconds
    remaining_s: Seconds | None
    target_s: Seconds | None


class ItemBreachRow(msgspec.Struct, frozen=True, kw_only=True, tag_field="scope", tag="item"):
    """A member of `breaches[]`: an item's clock ran out."""

    agreement: str
    objective: str
    item: str
    cycle: int
    opened_at: str
    closed_at: str | None


class WindowBreachRow(msgspec.Struct, frozen=True, kw_only=True, tag_field="scope", tag="window"):
    """A member of `breaches[]`: a window missed its target."""

    sla_id: str
    agreement: str
    objective: str
    group: Mapping[str, str]
    window: WindowForm
    opened_at: str
    closed_at: str | None


class RejectedRow(msgspec.Struct, frozen=True):
    """A member of `rejected[]`: an event line that does not stand; lines count from 1."""

    line: int
    reason: str


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """The one JSON object that `accord evaluate` prints."""

    as_of: str
    objectives: list[ObjectiveRow]
    clocks: list[ClockRow]
    breaches: list[ItemBreachRow | WindowBreachRow]
    rejected: list[RejectedRow]


def encode(result: object) -> bytes:
    """The result as JSON; a `Decimal` becomes a number with exactly its digits."""
    return _encoder.encode(result)


def instant_text(instant: Instant | None) -> str | None:
    """An instant in UTC with `Z`, None where there is none."""
    return None if instant is None else format_instant(instant)


def seconds(micros: Micros) -> Seconds:
    """A length of time as a number of seconds, exact, without trailing zeros."""
    whole, rest = divmod(micros, SECOND)
    if rest == 0:
        return whole
    # Through text: arithmetic on Decimal would round to the precision of the context.
    sign, size = ("-", -micros) if micros < 0 else ("", micros)
    return Decimal(f"{sign}{size // SECOND}.{size % SECOND:06d}".rstrip("0"))


def decimal_text(number: Fraction | None) -> str | None:
    """A plain decimal with at most 12 digits after the point, half-even, no trailing zeros."""
    if number is None:
        return None
    scaled = round(number * _SCALE)
    whole, rest = divmod(abs(scaled), _SCALE)
    fraction = f".{rest:0{_DIGITS}d}".rstrip("0") if rest else ""
    return f"{'-' if scaled < 0 else ''}{whole}{fraction}"


def length_text(micros: Micros) -> str:
    """A length of absolute time as ISO 8601 writes it: `P7D`, `PT1H30M`, `P1DT0.5S`."""
    days, rest = divmod(micros, DAY)
    hours, rest = divmod(rest, HOUR)
    minutes, rest = divmod(rest, MINUTE)
    parts = [f"{count}{unit}" for count, unit in ((hours, "H"), (minutes, "M")) if count]
    if rest or not (days or parts):
        parts.append(f"{seconds(rest)}S")
    return "P" + (f"{days}D" if days else "") + ("T" + "".join(parts) if parts else "")


def window_label(window: Window) -> str:
    """A kind of window in one word: `month`, or its length as `P7D`."""
    if isinstance(window, CalendarWindow):
        return window.period.value
    return length_text(window.length)


def window_text(window: Window) -> dict[str, str]:
    """How the windows of an objective are written in a document."""
    match window:
        case CalendarWindow(period, zone):
            return {"calendar": period.value, "timeZone": zone}
        case TumblingWindow(length):
            return {"tumbling": length_text(length)}
        case RollingWindow(length, step):
            return {"rolling": length_text(length), "step": length_text(step)}


def group_form(names: Iterable[str], values: Iterable[str]) -> dict[str, str]:
    """Group values by the attributes that `groupBy` names."""
    return dict(zip(names, values, strict=True))


def window_form(span: Span) -> WindowForm:
    """A window with its edges as text."""
    return WindowForm(format_instant(span.start), format_instant(span.end))


def counts_of(form: Mapping[str, int]) -> Measure:
    """The counts that `counts_form` wrote."""
    kept = ("excluded", "running", "met", "breached_open", "breached_closed")
    more = ("good", "total", "pending")
    counts = {name: form.get(name, 0) for name in (*kept, *more)}
    return Measure(**counts, counted=form.get("count", 0))


def counts_form(kpi: Kpi, measure: Measure) -> dict[str, int]:
    """The six numbers of a duration, `count` of events, `good` and `total` of a ratio."""
    match kpi.measure:
        case MeasureKind.DURATION:
            return {
                "eligible": measure.eligible,
                "excluded": measure.excluded,
                "running": measure.running,
                "met": measure.met,
                "breached_open": measure.breached_open,
                "breached_closed": measure.breached_closed,
            }
        case MeasureKind.RATIO:
            pending = {"pending": measure.pending} if kpi.cohort else {}
            return {"good": measure.good, "total": measure.total, **pending}
        case _:
            return {"count": measure.counted}


def objective_row(
    judgement: Judgement, group: tuple[str, ...], span: Span, measure: Measure
) -> ObjectiveRow:
    """The row of one judged window of one group (its values in `groupBy` order)."""
    agreement, objective = judgement.version.agreement, judgement.objective
    return ObjectiveRow(
        sla_id=sla_id(agreement, objective.name, group),
        agreement=agreement,
        objective=objective.name,
        level=judgement.version.level.value,
        group=group_form(objective.group_by, group),
        window=window_form(span),
        final=judgement.final,
        value=decimal_text(judgement.value),
        target=objective.target_text,
        state=judgement.state.value,
        budget_remaining=decimal_text(judgement.budget_remaining),
        counts=counts_form(objective.kpi, measure),
    )


def clock_row(reading: ClockReading) -> ClockRow:
    """The row of one clock."""
    return ClockRow(
        agreement=reading.agreement,
        objective=reading.objective,
        item=reading.item,
        cycle=reading.cycle,
        state=reading.state,
        at_risk=reading.at_risk,
        binding=reading.binding,
        started_at=format_instant(reading.started_at),
        stopped_at=instant_text(reading.stopped_at),
        due_at=instant_text(reading.due_at),
        due_last=instant_text(reading.due_last),
        breached_at=instant_text(reading.breached_at),
        elapsed_s=seconds(reading.elapsed),
        paused_s=seconds(reading.paused),
        remaining_s=None if reading.remaining is None else seconds(reading.remaining),
        target_s=None if reading.target is None else seconds(reading.target),
    )


def item_breach_row(
    objective: tuple[str, str], item: str, cycle: int, episode: tuple[Instant, Instant | None]
) -> ItemBreachRow:
    """The breach of one item's clock: (agreement, objective), item key, cycle, (opened, closed)."""
    agreement, name = objective
    opened_at, closed_at = episode
    return ItemBreachRow(
        agreement=agreement,
        objective=name,
        item=item,
        cycle=cycle,
        opened_at=format_instant(opened_at),
        closed_at=instant_text(closed_at),
    )


def window_breach_row(
    objective: tuple[str, str],
    group: Mapping[str, str],
    span: Span,
    episode: tuple[Instant, Instant | None],
) -> WindowBreachRow:
    """The breach of one window: (agreement, objective), ordered group, window, (opened, closed)."""
    agreement, name = objective
    opened_at, closed_at = episode
    return WindowBreachRow(
        sla_id=sla_id(agreement, name, tuple(group.values())),
        agreement=agreement,
        objective=name,
        group=group,
        window=window_form(span),
        opened_at=format_instant(opened_at),
        closed_at=instant_text(closed_at),
    )
