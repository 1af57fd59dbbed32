"""How a scenario writes instants and lengths of time, read and written back.

Each reader takes a text and raises `ValueError` with what is wrong and how to write it.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from shared.domain.instant import (
    HOUR,
    MINUTE,
    SECOND,
    Instant,
    Micros,
    as_datetime,
    as_instant,
    format_instant,
    parse_instant,
)

SHORT: Final = (
    r"(?:(?:(?P<year>\d{4})-)?(?P<month>\d\d)-(?P<day>\d\d) )?"
    r"(?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.(?P<fraction>\d{1,6}))?)?"
)
FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 9998
_SHORT: Final = re.compile(SHORT, re.ASCII)
_LENGTH: Final = re.compile(r"(-?)(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d{1,6})?)s)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Times:
    """The day of times that name none (it lends its year to those that name no year), the zone."""

    day: date | None = None
    zone: str = "UTC"

    def instant(self, text: str) -> Instant:
        """`09:00`, `03-07 09:00:30.5`, `2026-03-07 09:00`, or RFC 3339 with an offset."""
        found = _SHORT.fullmatch(text)
        if found is None:
            try:
                return parse_instant(text)
            except ValueError:
                message = (
                    f'"{text}" is not a time like 09:00, 03-07 09:00, 2026-03-07 09:00'
                    " or 2026-03-07T09:00:00Z"
                )
                raise ValueError(message) from None
        parts = found.groupdict()
        day = self._day_of(text, parts)
        try:
            local = datetime(  # noqa: DTZ001 - its zone is applied below, with what that needs
                int(parts["year"] or day.year),
                int(parts["month"] or day.month),
                int(parts["day"] or day.day),
                int(parts["hour"]),
                int(parts["minute"]),
                int(parts["second"] or 0),
                int((parts["fraction"] or "0").ljust(6, "0")),
            )
        except ValueError as error:
            message = f'"{text}" is not a time: {error}'
            raise ValueError(message) from None
        return self._in_zone(text, local)

    def _day_of(self, text: str, parts: dict[str, str | None]) -> date:
        """The day that lends what the text leaves out; any where it leaves out nothing."""
        if parts["year"]:
            return date.min
        if self.day is None:
            lacks = "year" if parts["month"] else "day"
            message = f'"{text}" has no {lacks}; give the file a "date", like date: 2026-03-02'
            raise ValueError(message)
        return self.day

    def _in_zone(self, text: str, local: datetime) -> Instant:
        if not FIRST_YEAR <= local.year <= LAST_YEAR:
            message = f'"{text}" lies outside the years {FIRST_YEAR} to {LAST_YEAR}'
            raise ValueError(message)
        zone = ZoneInfo(self.zone)
        first, second = (as_instant(local.replace(tzinfo=zone, fold=fold)) for fold in (0, 1))
        if first == second:
            return first
        # In a gap reading a time back gives another one; where clocks go back both occur.
        exists = as_datetime(first).astimezone(zone).replace(tzinfo=None) == local
        happens = "comes twice" if exists else "does not exist"
        message = f'"{text}" {happens} in {self.zone}; write it out, like {format_instant(first)}'
        raise ValueError(message)

    def text(self, instant: Instant) -> str:
        """The shortest of the forms that `instant` reads."""
        full = format_instant(instant)
        try:
            local = as_datetime(instant).astimezone(ZoneInfo(self.zone))
        except OverflowError:
            return full
        if local.replace(fold=1 - local.fold).utcoffset() != local.utcoffset():
            return full
        clock = local.strftime("%H:%M:%S")
        if local.microsecond:
            clock = f"{clock}.{local.microsecond:06}".rstrip("0")
        clock = clock.removesuffix(":00") if len(clock) == len("00:00:00") else clock
        if self.day == local.date():
            return clock
        same_year = self.day is not None and self.day.year == local.year
        return f"{local.date().isoformat()[5 if same_year else 0 :]} {clock}"


def written_out(text: str, times: Times) -> str:
    """The RFC 3339 text of a time; one that is RFC 3339 already stays as it is."""
    instant = times.instant(text)
    return format_instant(instant) if _SHORT.fullmatch(text) else text


def length(text: str) -> Micros:
    """`1h30m`, `45m`, `-10s`, `0.5s`."""
    found = _LENGTH.fullmatch(text)
    if found is None or not any(found.groups()[1:]):
        message = f'"{text}" is not a length of time like 1h30m, 45m, 0.5s or -10m'
        raise ValueError(message)
    seconds = Decimal(found[4] or 0) * SECOND
    size = int(found[2] or 0) * HOUR + int(found[3] or 0) * MINUTE + int(seconds)
    return -size if found[1] else size


def length_text(seconds: int | Decimal) -> str:
    """The length that `length` reads, of a number of seconds."""
    size = timedelta(microseconds=abs(int(seconds * SECOND)))
    hours, rest = divmod(size, timedelta(hours=1))
    minutes, rest = divmod(rest, timedelta(minutes=1))
    micros = rest // timedelta(microseconds=1)
    parts = [f"{hours}h" if hours else "", f"{minutes}m" if minutes else ""]
    if micros or not size:
        fraction = f".{micros % SECOND:06}".rstrip("0") if micros % SECOND else ""
        parts.append(f"{micros // SECOND}{fraction}s")
    return ("-" if seconds < 0 else "") + "".join(parts)
