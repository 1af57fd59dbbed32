"""Local time from first principles: zones and open time; instants in microseconds.

Of `zoneinfo` only the offset of an instant is used; edges are found by trying offsets.
"""

import datetime as dt
import re
from decimal import Decimal
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
NAIVE = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - local time counted from here
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
HORIZON = 36_525 * DAY
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Segment = tuple[int, int]


def instant(text: str) -> int:
    """RFC 3339 with an offset, cut to the microsecond."""
    pattern = r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|z|[+-]\d\d:\d\d)"
    found = re.fullmatch(pattern, text, re.ASCII)
    if not found:
        raise ValueError(text)
    date, time, fraction, offset = found.groups()
    local = dt.datetime.fromisoformat(f"{date}T{time}{'+00:00' if offset in 'zZ' else offset}")
    return (local - EPOCH) // dt.timedelta(microseconds=1) + int(((fraction or "") + "0" * 6)[:6])


def text(at: int) -> str:
    """UTC with Z, six digits of fraction or none."""
    moment = EPOCH + dt.timedelta(microseconds=at)
    return moment.replace(tzinfo=None).isoformat() + "Z"


def duration(text: str) -> int | None:
    """`PT4H30M`, or `P7D`, in microseconds; None for what is no such text."""
    found = re.fullmatch(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?", text)
    if not found:
        days = re.fullmatch(r"P(\d+)D", text)
        return int(days[1]) * DAY if days else None
    hours, minutes, seconds = found.groups()
    return int(hours or 0) * HOUR + int(minutes or 0) * MINUTE + int(Decimal(seconds or 0) * SECOND)


@cache
def offset(zone: str, at: int) -> int:
    """How far local time is ahead of UTC at an instant."""
    local = (EPOCH + dt.timedelta(microseconds=at)).astimezone(ZoneInfo(zone))
    shift = local.utcoffset()
    assert shift is not None
    return shift // dt.timedelta(microseconds=1)


def local_date(zone: str, at: int) -> dt.date:
    """The local date at an instant."""
    return (NAIVE + dt.timedelta(microseconds=at + offset(zone, at))).date()


def to_instant(zone: str, date: dt.date, time_of_day: int) -> int:
    """The instant of a local time: the first of two; one in a gap moves forward by the gap."""
    local = (date - NAIVE.date()).days * DAY + time_of_day
    near = {offset(zone, local + h * HOUR) for h in range(-30, 31, 6)}
    same = [local - o for o in near if offset(zone, local - o) == o]
    if same:
        return min(same)
    for before in near:
        for after in near:
            crossed = (
                offset(zone, local - before) == after and offset(zone, local - after) == before
            )
            if before < after and crossed:
                return local - before
    raise AssertionError((zone, date, time_of_day))


def _skipped(zone: str, date: dt.date) -> bool:
    """Whether the zone has no such local date."""
    tried = (to_instant(zone, date, h * HOUR + HOUR // 2) for h in range(24))
    return all(local_date(zone, at) != date for at in tried)


def union(segments: list[Segment]) -> list[Segment]:
    """The same points as disjoint segments that do not touch, in order."""
    result: list[Segment] = []
    for a, b in sorted(segments):
        if a >= b:
            continue
        if result and a <= result[-1][1]:
            result[-1] = (result[-1][0], max(b, result[-1][1]))
        else:
            result.append((a, b))
    return result


def without(segments: list[Segment], holes: list[Segment]) -> list[Segment]:
    """The points of `segments` that are in no hole."""
    for low, high in holes:
        if low < high:
            pieces = [[(a, min(b, low)), (max(a, high), b)] for a, b in segments]
            segments = [(a, b) for pair in pieces for a, b in pair if a < b]
    return union(segments)


def length(segments: list[Segment]) -> int:
    """How much time disjoint segments hold."""
    return sum(b - a for a, b in segments)


class Calendar:
    """Open time. Without a document it is `always`."""

    def __init__(self, spec: dict[str, Any] | None) -> None:
        """Read a Calendar document's spec; `ValueError` when it is refused."""
        self.always = spec is None
        self.zone = "UTC" if spec is None else spec["timeZone"]
        ZoneInfo(self.zone)
        spec = spec or {"weekly": {"mon": ["00:00-24:00"]}}
        if set(spec.get("weekly", {})) - set(DAYS):
            raise ValueError(spec["weekly"])
        self.weekly = {d: _hours(v) for d, v in spec.get("weekly", {}).items()}
        self.shifts = {d: _hours(v) for d, v in spec.get("shifts", {}).items()}
        rules = spec.get("holidays", {})
        self.dates, self.yearly = set(rules.get("dates", [])), set(rules.get("yearly", []))
        self.countries = rules.get("countries", [])
        self.days: dict[dt.date, list[Segment]] = {}
        on_shifts = map(self.on, map(dt.date.fromisoformat, self.shifts))
        if not any(self.weekly.values()) and not any(on_shifts):
            message = "no open time"
            raise ValueError(message)

    def on(self, date: dt.date) -> list[Segment]:
        """The open intervals of a local date."""
        if date not in self.days:
            hours = [
                (to_instant(self.zone, date, a), to_instant(self.zone, date, b))
                for a, b in self._pattern(date)
            ]
            self.days[date] = union(hours)
        return self.days[date]

    def _pattern(self, date: dt.date) -> list[Segment]:
        key = date.isoformat()
        if _skipped(self.zone, date):
            return []
        if key in self.shifts:
            return self.shifts[key]
        if key in self.dates or key[5:] in self.yearly or self._public_holiday(date):
            return []
        return self.weekly.get(DAYS[date.weekday()], [])

    def _public_holiday(self, date: dt.date) -> bool:
        import holidays  # noqa: PLC0415 - slow to import and rarely needed

        return any(
            date
            in holidays.country_holidays(c["country"], subdiv=c.get("subdivision"), years=date.year)
            for c in self.countries
        )

    def open(self, a: int, b: int) -> list[Segment]:
        """The open time in `[a, b)`."""
        if a >= b:
            return []
        if self.always:
            return [(a, b)]
        first, last = local_date(self.zone, a), local_date(self.zone, b)
        count = (last - first).days
        dates = [first + dt.timedelta(days=n) for n in range(-2, count + 3)]
        segments = union([s for date in dates for s in self.on(date)])
        return [(max(a, x), min(b, y)) for x, y in segments if x < b and y > a]

    def first_open(self, start: int) -> int | None:
        """The first open instant at or after the start."""
        for reach in (10 * DAY, 400 * DAY, HORIZON):
            if found := self.open(start, start + reach):
                return found[0][0]
        return None

    def working_day(self, start: int, *, days: int, closing: bool) -> int | None:
        """The instant `days` dates with open time on: same local time, or the day's closing."""
        first = self.first_open(start)
        if first is None:
            return None
        date = local_date(self.zone, first)
        time_of_day = (first + offset(self.zone, first)) % DAY
        left = days
        for _ in range(HORIZON // DAY):
            if left == 0:
                break
            date += dt.timedelta(days=1)
            left -= 1 if self.has_open_time(date) else 0
        if left:
            return None
        return self.closing(date) if closing else to_instant(self.zone, date, time_of_day)

    def has_open_time(self, date: dt.date) -> bool:
        """Whether a local date has any open time."""
        return self.always or bool(self.on(date))

    def closing(self, date: dt.date) -> int:
        """The end of the last interval of a date."""
        return to_instant(self.zone, date, DAY) if self.always else self.on(date)[-1][1]


def _hours(intervals: list[str]) -> list[Segment]:
    result = []
    for interval in intervals:
        found = re.fullmatch(r"(\d\d):(\d\d)-(\d\d):(\d\d)", interval)
        if not found:
            raise ValueError(interval)
        a, am, b, bm = map(int, found.groups())
        result.append((a * HOUR + am * MINUTE, b * HOUR + bm * MINUTE))
    result.sort()
    ends = [0] + [b for _, b in result]
    if any(a >= b for a, b in result) or any(
        a < e for (a, _), e in zip(result, ends, strict=False)
    ):
        raise ValueError(intervals)
    if ends[-1] > DAY:
        raise ValueError(intervals)
    return result
