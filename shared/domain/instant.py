"""Instants: whole microseconds since the Unix epoch, UTC.

Integers are exact, order as time does and travel unchanged from an event to a table.
Text (RFC 3339) exists at the edges only.
"""

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final

Instant = int
"""Microseconds since 1970-01-01T00:00:00Z."""
Micros = int
"""A length of time in microseconds."""

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

NEVER: Final = (1 << 63) - 1
"""After every instant that an event or a database can have."""

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_RFC3339: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)",
    re.ASCII,
)
_MICROSECOND: Final = timedelta(microseconds=1)
_FIRST: Final = (date.min.toordinal() - EPOCH.toordinal()) * DAY
_AFTER_LAST: Final = (date.max.toordinal() + 1 - EPOCH.toordinal()) * DAY
_HOURS: Final = {f"T{hour:02}": hour * HOUR for hour in range(24)}
_MINUTES: Final = {f":{minute:02}": minute * MINUTE for minute in range(60)}
_SECONDS: Final = {f":{second:02}": second * SECOND for second in range(60)}
_WHOLE: Final = len("2026-03-02T09:00:00Z")
_DIGITS: Final = 6


def parse_instant(text: str) -> Instant:
    """Read RFC 3339 with an offset, cut to the microsecond; `ValueError` says what is wrong."""
    if (quick := _parse_usual(text)) is not None:
        return quick
    match = _RFC3339.fullmatch(text)
    if match is None:
        message = f"{text!r} is not an RFC 3339 time with an offset, like 2026-03-02T09:00:00Z"
        raise ValueError(message)
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    leap = second == "60"
    try:
        local = datetime(  # noqa: DTZ001 - the offset is taken off below
            int(year), int(month), int(day), int(hour), int(minute), 59 if leap else int(second)
        )
    except ValueError as error:
        message = f"{text!r} is not a time: {error}"
        raise ValueError(message) from None
    micros = (local - datetime(1970, 1, 1)) // _MICROSECOND  # noqa: DTZ001 - both naive, both UTC
    if leap:
        micros += SECOND
    micros += int((fraction or "0")[:6].ljust(6, "0"))
    instant = micros - _offset(text, offset)
    if not _FIRST <= instant < _AFTER_LAST:
        message = f"{text!r} is in UTC outside the years 1 to 9999"
        raise ValueError(message)
    return instant


def _parse_usual(text: str) -> Instant | None:
    """Read `2026-03-02T09:00:00Z`, with a fraction or without, or None: it is the usual form."""
    hour, minute, second = (
        _HOURS.get(text[10:13]),
        _MINUTES.get(text[13:16]),
        _SECONDS.get(text[16:19]),
    )
    if hour is None or minute is None or second is None or text[-1] != "Z":
        return None
    micros = 0
    if len(text) > _WHOLE:
        fraction = text[20:-1]
        if text[19] != "." or not (fraction.isdecimal() and fraction.isascii()):
            return None
        if len(fraction) != _DIGITS:
            fraction = fraction[:_DIGITS].ljust(_DIGITS, "0")
        micros = int(fraction)
    day = _day(text[:10])
    return None if day is None else day + hour + minute + second + micros


@lru_cache(maxsize=1024)
def _day(text: str) -> Instant | None:
    match = _RFC3339.fullmatch(f"{text}T00:00:00Z")
    if match is None:
        return None
    year, month, day = map(int, match.groups()[:3])
    try:
        return (datetime(year, month, day) - datetime(1970, 1, 1)) // _MICROSECOND  # noqa: DTZ001
    except ValueError:
        return None


def _offset(text: str, offset: str) -> Micros:
    if offset in "Zz":
        return 0
    hours, minutes = int(offset[1:3]), int(offset[4:6])
    if hours > 23 or minutes > 59:  # noqa: PLR2004 - an offset's hours and minutes
        message = f"{text!r} has the impossible offset {offset}"
        raise ValueError(message)
    size = hours * HOUR + minutes * MINUTE
    return -size if offset[0] == "-" else size


@lru_cache(maxsize=8192)
def format_instant(instant: Instant) -> str:
    """Write UTC with `Z`: six digits of fraction, none when it is zero."""
    day, rest = divmod(instant, DAY)
    minutes, micros = divmod(rest, MINUTE)
    hour, minute = divmod(minutes, 60)
    second, fraction = divmod(micros, SECOND)
    text = f"{_date_text(day)}T{hour:02}:{minute:02}:{second:02}"
    return f"{text}.{fraction:06}Z" if fraction else f"{text}Z"


@lru_cache(maxsize=1024)
def _date_text(day: int) -> str:
    return (EPOCH + timedelta(days=day)).date().isoformat()


def as_datetime(instant: Instant) -> datetime:
    """The instant as an aware datetime in UTC (years 1 to 9999)."""
    return EPOCH + timedelta(microseconds=instant)


def as_instant(moment: datetime) -> Instant:
    """The instant of an aware datetime."""
    return (moment - EPOCH) // _MICROSECOND
