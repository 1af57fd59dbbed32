"""The small notations of documents: names, zones, dates, times of day, durations, event types.

Each function takes a text and raises `ValueError` with what is wrong and how to write it.
"""

import re
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from typing import Final
from zoneinfo import available_timezones

from shared.documents.problems import did_you_mean
from shared.domain.business_calendar import LocalInterval
from shared.domain.instant import DAY, HOUR, MINUTE, SECOND, Micros

NAME: Final = r"[a-z0-9][a-z0-9-]{0,62}"
KIND: Final = r"[^.\s]+"
EVENT: Final = r"[^.\s]+\.\S+"
INTERVAL: Final = r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)"
DURATION: Final = (
    r"P(?=\d|T\d)(?:(\d+)W)?(?:(\d+)D)?"
    r"(?:T(?=\d)(?:(\d+(?:\.\d+)?)H)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)S)?)?"
)
INSTANT: Final = r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)"
_UNITS: Final = (7 * DAY, DAY, HOUR, MINUTE, SECOND)
LONGEST: Final = 2**62
"""The longest duration in microseconds: what a table can hold."""
_SPOKEN: Final = re.compile(r"(\d+)\s*(h|m|s|d)[a-z]*", re.IGNORECASE)
_END_OF_DAY: Final = 24 * 60
# Names that stand for this machine or for nothing, not for a place.
_NO_ZONES: Final = frozenset({"localtime", "Factory", "posixrules"})

# Names of an offset that look like those of a region.
_FIXED: Final = {"EST": "-5", "MST": "-7", "HST": "-10"}


def name(text: str) -> str:
    """A name of a document or an objective."""
    if re.fullmatch(NAME, text) is None:
        lowered = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:63]
        hint = f'; did you mean "{lowered}"?' if lowered else ""
        message = f'"{text}" is not a name: small letters, digits and hyphens, at most 63{hint}'
        raise ValueError(message)
    return text


def some_text(text: str) -> str:
    """Any text but the empty one."""
    if not text.strip():
        message = "must not be empty"
        raise ValueError(message)
    return text


def item_kind(text: str) -> str:
    """A kind of item: what stands before the first dot of its events' types."""
    if re.fullmatch(KIND, text) is None:
        message = f'"{text}" is not a kind of item, like ticket or lead'
        raise ValueError(message)
    return text


def event_type(text: str) -> str:
    """`<kind>.<what>`."""
    if re.fullmatch(EVENT, text) is None:
        message = f'"{text}" is not a type of event, like ticket.created'
        raise ValueError(message)
    return text


@lru_cache(maxsize=1)
def zones() -> frozenset[str]:
    """The names of the IANA time zones."""
    return frozenset(available_timezones()) - _NO_ZONES


def zone(text: str) -> str:
    """An IANA time zone."""
    if text not in zones():
        is_offset = re.search(r"[+-]\d", text) is not None
        hint = "" if is_offset else did_you_mean(text, zones())
        hint = hint or "; name a place by its IANA name like Europe/Berlin, or UTC"
        message = f'unknown time zone "{text}"{hint}'
        raise ValueError(message)
    return text


def fixed_offset(zone_name: str) -> str | None:
    """What to know of a zone that is no place but a fixed offset from UTC; None for all others."""
    if sign := re.fullmatch(r"Etc/GMT([+-])(\d+)", zone_name, re.ASCII):
        if int(sign[2]) == 0:
            return None
        turned = "-" if sign[1] == "+" else "+"
        offset = f"UTC{turned}{sign[2]}, with the sign turned round"
    elif zone_name in _FIXED:
        offset = f"UTC{_FIXED[zone_name]}"
    else:
        return None
    message = f"{zone_name} is {offset}, and knows no daylight saving"
    return f"{message}; name a place, like America/New_York"


def local_date(text: str) -> date:
    """`2026-04-03`."""
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
            return date.fromisoformat(text)
    except ValueError as error:
        message = f'"{text}" is not a date: {error}'
        raise ValueError(message) from error
    message = f'"{text}" is not a date like 2026-04-03'
    raise ValueError(message)


def month_and_day(text: str) -> tuple[int, int]:
    """`12-25`, also `02-29`."""
    match = re.fullmatch(r"(\d\d)-(\d\d)", text, re.ASCII)
    if match is None:
        message = f'"{text}" is not a day of every year like 12-25 (month, day)'
        raise ValueError(message)
    a_leap_year = local_date(f"2000-{text}")
    return a_leap_year.month, a_leap_year.day


def interval(text: str) -> LocalInterval:
    """`09:00-17:00` in minutes of the day; `24:00` is the end of the day."""
    match = re.fullmatch(INTERVAL, text, re.ASCII)
    if match is None:
        message = f'"{text}" is not an interval like 09:00-17:00 (24-hour times, two digits each)'
        raise ValueError(message)
    start, end = (int(match[n]) * 60 + int(match[n + 1]) for n in (1, 3))
    if end > _END_OF_DAY:
        message = f'"{text}" ends after 24:00'
        raise ValueError(message)
    if end <= start:
        first, last = text.split("-")
        hint = f'; a night is two days: "{first}-24:00" and, on the next, "00:00-{last}"'
        message = f'"{text}" ends before it starts{hint}' if end < start else f'"{text}" is empty'
        raise ValueError(message)
    return start, end


def overlap(intervals: tuple[LocalInterval, ...]) -> str | None:
    """The message for two intervals of one day that overlap, if any do."""
    for one, other in pairwise(sorted(intervals)):
        if other[0] < one[1]:
            return f'"{_interval_text(one)}" and "{_interval_text(other)}" overlap'
    return None


def _interval_text(of: LocalInterval) -> str:
    return "-".join(f"{minutes // 60:02d}:{minutes % 60:02d}" for minutes in of)


def duration(text: str) -> tuple[Micros, bool]:
    """An ISO 8601 duration in microseconds, and whether it was written with days or weeks."""
    parts = _duration_parts(text)
    if parts is None:
        message = f'"{text}" is not a duration like PT4H or PT30M{_spoken(text)}'
        raise ValueError(message)
    return _length(text, parts), any(parts[:2])


def absolute(text: str) -> Micros:
    """An ISO 8601 duration of absolute time in microseconds; a day is 24 hours."""
    parts = _duration_parts(text)
    if parts is None:
        days = re.fullmatch(r"(\d+)\s*d(?:ays?)?", text, re.ASCII | re.IGNORECASE)
        hint = f'; did you mean "P{days[1]}D"?' if days else _spoken(text)
        message = f'"{text}" is not a duration like P7D or PT1H{hint}'
        raise ValueError(message)
    return _length(text, parts)


def _duration_parts(text: str) -> tuple[str | None, ...] | None:
    match = re.fullmatch(DURATION, text, re.ASCII)
    return match.groups() if match else None


def _length(text: str, parts: tuple[str | None, ...]) -> Micros:
    length = sum(
        (Fraction(Decimal(part)) * unit for part, unit in zip(parts, _UNITS, strict=True) if part),
        start=Fraction(0),
    )
    if length.denominator != 1:
        message = f'"{text}" is not a whole number of microseconds'
        raise ValueError(message)
    if length > LONGEST:
        message = f'"{text}" is longer than anything that can be measured'
        raise ValueError(message)
    return int(length)


def written(length: Micros) -> str:
    """A length as a document writes it, in its largest unit: `P7D`, `PT90M`, `PT0.5S`."""
    for unit, text in ((DAY, "P{}D"), (HOUR, "PT{}H"), (MINUTE, "PT{}M")):
        if length and length % unit == 0:
            return text.format(length // unit)
    return f"PT{(Decimal(length) / SECOND).normalize():f}S"


def _spoken(text: str) -> str:
    """A suggestion for what people write: `4h`, `30 min`, `1:30`, `pt4h`, `1d`."""
    if re.fullmatch(DURATION, text.upper(), re.ASCII):
        return f'; did you mean "{text.upper()}"?'
    if clock := re.fullmatch(r"(\d+):(\d\d)(?::(\d\d))?", text, re.ASCII):
        seconds = f"{int(clock[3])}S" if int(clock[3] or 0) else ""
        return f'; did you mean "PT{int(clock[1])}H{int(clock[2])}M{seconds}"?'
    spoken = _SPOKEN.fullmatch(text)
    if spoken is None:
        return ""
    if spoken[2] in "dD":
        hours = int(spoken[1]) * 24
        return f'; did you mean "PT{hours}H" or {{workingDays: {spoken[1]}}}?'
    return f'; did you mean "PT{spoken[1]}{spoken[2].upper()}"?'
