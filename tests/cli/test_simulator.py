"""The simulated company: deterministic, in order, noisy as asked, going on after `now`."""

import re
from dataclasses import replace
from itertools import takewhile
from pathlib import Path

import pytest

from services.cli.simulator.company import AUSTIN, BERLIN
from services.cli.simulator.delivery import Noise, Record
from services.cli.simulator.stream import Simulation, history_start, simulate
from shared.domain.event import Event
from shared.domain.instant import HOUR, MINUTE, SECOND, parse_instant
from shared.wire.cloudevents import InvalidEvent, decode_record

NOW = parse_instant("2026-03-01T00:20:00Z")
SMALL = Simulation(seed=7, start=history_start(NOW, days=6), now=NOW, volume=0.3, live_rate=5)


def history(simulation: Simulation) -> list[Record]:
    return list(takewhile(lambda sent: sent.at < simulation.now, simulate(simulation)))


def decoded(records: list[Record]) -> list[Event]:
    return [decode_record(sent.headers, sent.value) for sent in records if not sent.spoiled]


def test_one_seed_gives_the_same_records_and_another_seed_gives_others() -> None:
    again, other = replace(SMALL), replace(SMALL, seed=8)
    assert history(SMALL) == history(again)
    assert history(SMALL) != history(other)


def test_records_come_in_the_order_in_which_they_are_produced() -> None:
    instants = [sent.at for sent in history(SMALL)]
    assert instants == sorted(instants)


def test_every_record_is_an_event_except_those_that_are_spoiled() -> None:
    noisy = replace(SMALL, noise=Noise(broken=0.05))
    records = history(noisy)
    assert len(decoded(records)) > 1000
    spoiled = [sent for sent in records if sent.spoiled]
    assert len(spoiled) > 20
    for sent in spoiled:
        with pytest.raises(InvalidEvent):
            decode_record(sent.headers, sent.value)


def test_no_event_lies_after_the_instant_at_which_it_is_produced() -> None:
    for sent in history(SMALL):
        if not sent.spoiled:
            assert decode_record(sent.headers, sent.value).time <= sent.at


def test_some_events_come_twice_some_contradict_and_some_come_late() -> None:
    records = [sent for sent in history(SMALL) if not sent.spoiled]
    first: dict[tuple[str, str, str], Event] = {}
    twice = contradicting = late = 0
    for sent in records:
        event = decode_record(sent.headers, sent.value)
        told = first.setdefault((event.item, *event.identity), event)
        twice += told is not event and told == event
        contradicting += told != event
        late += sent.at - event.time > 5 * MINUTE
    assert twice > 10
    assert contradicting
    assert late > 10


def test_what_was_open_at_now_goes_on_live() -> None:
    before: set[str] = set()
    after: set[str] = set()
    for sent in simulate(SMALL):
        if sent.at >= NOW + 10 * MINUTE:
            break
        if not sent.spoiled:
            event = decode_record(sent.headers, sent.value)
            (before if sent.at < NOW else after).add(event.item)
    assert len(before & after) > 20
    assert len(after - before) > 20


def test_live_traffic_flows_at_about_the_rate_asked_for() -> None:
    minute = [s for s in simulate_until(NOW + MINUTE) if s.at >= NOW]
    assert 5 * 60 * 0.7 < len(minute) < 5 * 60 * 1.6


def simulate_until(end: int) -> list[Record]:
    return list(takewhile(lambda sent: sent.at < end, simulate(SMALL)))


def test_work_waits_for_opening_hours_of_the_site() -> None:
    friday_evening = parse_instant("2026-02-27T16:30:00Z")
    assert BERLIN.later(friday_evening, HOUR) == parse_instant("2026-03-02T07:30:00Z")
    assert AUSTIN.later(friday_evening, HOUR) == friday_evening + HOUR
    assert BERLIN.later(friday_evening, 30 * MINUTE) == parse_instant("2026-03-02T07:00:00Z")
    assert BERLIN.later(friday_evening, 30 * MINUTE - SECOND) == friday_evening + 1799 * SECOND


def test_the_items_that_the_readme_names_are_in_the_history_whatever_the_seed() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\b[A-Z](?:-[AB])?-1\b", readme))
    for seed in (1, 2, 3):
        told = {event.subject for event in decoded(history(replace(SMALL, seed=seed)))}
        assert named <= told
    assert len(named) == 3
