"""Windows as documents write them: calendar, rolling or tumbling."""

from dataclasses import dataclass
from typing import Final

from shared.documents import notation
from shared.documents.fields import Field, OneForm, Record
from shared.documents.loader import MapNode
from shared.documents.problems import refused
from shared.documents.values import ZONE, AbsoluteTime, OneOf
from shared.domain.instant import DAY, SECOND, Micros
from shared.domain.window import CalendarWindow, Period, RollingWindow, TumblingWindow, Window

MOST_STEPS: Final = 2_500
"""Steps in a rolling window (contract section 2)."""
SHORTEST: Final = SECOND
"""Shorter windows hold no business; they would only be many."""
LONGEST: Final = 366 * DAY
"""A longer tumbling window or step could end after the last year that can be written."""
LONGEST_ROLLING: Final = 36_525 * DAY


@dataclass(frozen=True, slots=True)
class CalendarWindowSpec:
    """A calendar window; without a zone it takes that of the agreement's calendar."""

    period: Period
    zone: str | None


WindowSpec = CalendarWindowSpec | RollingWindow | TumblingWindow


def window_of(spec: WindowSpec, calendar_zone: str) -> Window:
    """The window that is meant beside a calendar of that zone."""
    if isinstance(spec, CalendarWindowSpec):
        return CalendarWindow(spec.period, spec.zone or calendar_zone)
    return spec


def _calendar(_node: MapNode, calendar: Period, time_zone: str | None = None) -> WindowSpec:
    return CalendarWindowSpec(calendar, time_zone)


def _rolling(node: MapNode, rolling: Micros, step: Micros) -> WindowSpec:
    steps, rest = divmod(rolling, step)
    if rest or not steps:
        message = (
            f"rolling: its length is a multiple of the step; write {_multiples(rolling, step)}"
        )
        raise refused(node.keys["rolling"], message)
    if steps > MOST_STEPS:
        message = f"step: {steps:,} steps are more than {MOST_STEPS:,}; take a longer step"
        raise refused(node.keys["step"], message)
    return RollingWindow(rolling, step)


def _multiples(rolling: Micros, step: Micros) -> str:
    whole = rolling // step
    near = (whole, whole + 1) if whole else (1,)
    return " or ".join(notation.written(steps * step) for steps in near)


def _tumbling(_node: MapNode, tumbling: Micros) -> WindowSpec:
    return TumblingWindow(tumbling)


_CALENDAR: Record[WindowSpec] = Record(
    "a window",
    _calendar,
    {
        "calendar": Field(OneOf(Period), "day, week, month, quarter or year", required=True),
        "timeZone": Field(ZONE, "the zone of its edges; by default that of the calendar"),
    },
)
_ROLLING: Record[WindowSpec] = Record(
    "a rolling window",
    _rolling,
    {
        "rolling": Field(AbsoluteTime(SHORTEST, LONGEST_ROLLING), "its length", required=True),
        "step": Field(
            AbsoluteTime(SHORTEST, LONGEST), "how often one ends, like PT1H", required=True
        ),
    },
)
_TUMBLING: Record[WindowSpec] = Record(
    "a tumbling window",
    _tumbling,
    {"tumbling": Field(AbsoluteTime(SHORTEST, LONGEST), "its length", required=True)},
)
WINDOW: Final = OneForm(
    "a window",
    {"calendar": _CALENDAR, "rolling": _ROLLING, "tumbling": _TUMBLING},
    example="{calendar: month}",
    reasons={"timeZone": ": windows of a fixed length are cut from the Unix epoch on"},
)
