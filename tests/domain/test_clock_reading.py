"""What is read of a clock: at risk, due, elapsed and paused."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.business_calendar import ALWAYS, BusinessCalendar
from shared.domain.event import Event
from shared.domain.instant import DAY, HOUR, MINUTE
from tests.domain.building import (
    an_event,
    within,
)
from tests.domain.ticking import OFFICE, START, an_item, reading, told


@pytest.mark.parametrize(
    ("events", "now", "at_risk"),
    [
        ([], "09:47", False),
        ([], "09:48", True),
        ([], "10:00", True),
        ([], "10:01", False),
        (["09:49 solved"], "10:00", False),
        (["09:48 assigned status=pending"], "12:00", True),
        (["09:47 assigned status=pending"], "12:00", False),
    ],
)
def test_it_is_at_risk_from_four_fifths_of_its_target_on(
    events: list[str], now: str, *, at_risk: bool
) -> None:
    assert told("09:00 created", *events, now=now).at_risk is at_risk


PAUSES = st.lists(st.integers(0, 40), max_size=8, unique=True).map(sorted)
CALENDARS = st.sampled_from([ALWAYS, OFFICE])


def pausing(edges: list[int]) -> list[Event]:
    """A ticket that comes and is pending from the first to the second of these, and so on."""
    turns = [
        replace(
            an_event("assigned", "09:00", event_id=f"e-{n}"),
            time=START + edge * 10 * MINUTE,
            data={"status": "open" if n % 2 else "pending"},
        )
        for n, edge in enumerate(edges[: len(edges) // 2 * 2])
    ]
    return [an_event("created", "09:00"), *turns]


@given(PAUSES, st.integers(1, 20 * HOUR), CALENDARS)
def test_the_deadline_is_where_elapsed_reaches_the_target(
    edges: list[int], micros: int, calendar: BusinessCalendar
) -> None:
    item = an_item(pausing(edges), within(micros), calendar)
    found = reading(item, START + 30 * DAY)
    due_at, due_last = found.due_at, found.due_last
    assert due_at is not None
    assert due_last is not None
    assert found.breached_at == due_last
    for now, elapsed in (
        (due_at, micros),
        (due_at - 1, micros - 1),
        (due_last, micros),
        (due_last + 1, micros + 1),
    ):
        own = reading(item, now)
        assert own.elapsed == elapsed
        assert own.remaining == micros - elapsed
        assert (own.breached_at is None) is (now <= due_last)


@given(PAUSES, st.integers(0, 30 * HOUR), CALENDARS)
def test_elapsed_and_paused_add_up_to_the_open_time(
    edges: list[int], age: int, calendar: BusinessCalendar
) -> None:
    events, now = pausing(edges), START + age
    found = reading(an_item(events, within(90 * HOUR), calendar), now)
    assert found.elapsed + found.paused == calendar.open_between(START, now)
    turns = [event.time for event in events[1:]]
    spans = zip(turns[::2], turns[1::2], strict=True)
    paused = (calendar.open_between(min(a, now), min(b, now)) for a, b in spans)
    assert found.paused == sum(paused)
