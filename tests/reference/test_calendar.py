"""Reference cases of calendar arithmetic (calendar.yaml), by the product and by the oracle."""

import re
from collections import defaultdict
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from shared.documents import load
from shared.documents.notation import duration
from shared.domain.business_calendar import HORIZON, BusinessCalendar
from shared.domain.instant import Instant, as_instant
from tests.oracle import days

Case = dict[str, Any]
HERE = Path(__file__).parent
WHEN = r"(\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?)"


def by_id() -> dict[str, list[Case]]:
    """The cases; an id that speaks of two calendars has two."""
    found = defaultdict(list)
    for case in yaml.safe_load((HERE / "calendar.yaml").read_text(encoding="utf-8")):
        found[str(case["id"])].append(case)
    return found


def calendars() -> dict[str, BusinessCalendar]:
    loaded = load(HERE / "calendars.yaml")
    assert loaded.catalogue is not None, [str(problem) for problem in loaded.problems]
    return dict(loaded.catalogue.calendars)


def oracles() -> dict[str, days.Calendar]:
    text = (HERE / "calendars.yaml").read_text(encoding="utf-8")
    documents = yaml.load_all(text, yaml.BaseLoader)
    return {one["metadata"]["name"]: days.Calendar(one["spec"]) for one in documents}


CASES = by_id()
CALENDARS = calendars()
ORACLES = oracles()


def the_instant(text: str, zone: str) -> Instant:
    return as_instant(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)))


def claim(line: str, zone: str) -> tuple[Instant, str, Instant]:
    """A line's two instants and what it says of them."""
    if span := re.fullmatch(rf"{WHEN} \.\. {WHEN} = (\S+)", line):
        return the_instant(span[1], zone), f"elapsed {span[3]}", the_instant(span[2], zone)
    found = re.fullmatch(rf"{WHEN} (.+?) (?:= )?{WHEN}", line)
    assert found, line
    return the_instant(found[1], zone), found[2], the_instant(found[3], zone)


def product(calendar: BusinessCalendar, start: Instant, what: str, end: Instant) -> bool:
    """Whether the product says the same."""
    limit = start + HORIZON
    match what.split():
        case ["elapsed", length]:
            return calendar.open_between(start, end) == duration(length)[0]
        case ["+", count, "working", "days"]:
            return calendar.working_days_later(start, int(count), limit) == end
        case ["+", "end", "of", "working", "day", count]:
            return calendar.end_of_working_day(start, int(count), limit) == end
        case ["+", length]:
            return calendar.reach(start, duration(length)[0], limit) == end
        case ["opens"]:
            return calendar.leave(start, 0, limit) == end
        case ["closes"]:
            return calendar.open_spans(start, limit)[0].end == end
    raise AssertionError(what)


def independently(calendar: days.Calendar, start: Instant, what: str, end: Instant) -> bool:
    """Whether the oracle says the same."""
    match what.split():
        case ["elapsed", length]:
            return days.length(calendar.open(start, end)) == duration(length)[0]
        case ["+", count, "working", "days"]:
            return calendar.working_day(start, days=int(count), closing=False) == end
        case ["+", "end", "of", "working", "day", count]:
            return calendar.working_day(start, days=int(count), closing=True) == end
        case ["+", length]:
            amount, before = duration(length)[0], days.length(calendar.open(start, end - 1))
            return days.length(calendar.open(start, end)) == amount == before + 1
        case ["opens"]:
            return calendar.first_open(start) == end
        case ["closes"]:
            return calendar.open(start, start + 7 * days.DAY)[0][1] == end
    raise AssertionError(what)


@pytest.mark.parametrize("case_id", CASES)
def test_the_case_holds(case_id: str) -> None:
    for case in CASES[case_id]:
        name = case["calendar"]
        zone = CALENDARS[name].zone if case.get("local") else "UTC"
        for line in case["holds"].splitlines():
            start, what, end = claim(line, zone)
            assert product(CALENDARS[name], start, what, end), line
            assert independently(ORACLES[name], start, what, end), f"the oracle: {line}"


def test_every_case_is_there() -> None:
    small = "1 2 3 4 7 8 11 12 13 14 15 17 18 20 22 23 24 25 26 27"
    large = "30 31 32 35 36 38 40 41 42 43 44 47 48 49 50"
    assert list(CASES) == f"{small} {large}".split()
    lines = [
        line for cases in CASES.values() for one in cases for line in one["holds"].splitlines()
    ]
    assert len(lines) == 66
