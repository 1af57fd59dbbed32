"""What is written is read back equal, and the way it is written says nothing."""

import contextlib
import json
import random
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.event import Event, content
from shared.domain.instant import format_instant
from shared.wire.cloudevents import InvalidEvent, decode_binary, decode_structured, encode
from shared.wire.timeline import pack_events, unpack_events
from tests.wire.strategies import events, scribble


def _envelope(event: Event) -> dict[str, object]:
    members: dict[str, object] = {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "subject": event.subject,
        "time": format_instant(event.time),
        "sequence": event.sequence,
        "replaces": event.replaces,
        "data": event.data,
    }
    return members


@given(events())
def test_an_encoded_event_is_read_back_equal(event: Event) -> None:
    again = decode_structured(encode(event))
    assert again == event
    assert content(again) == content(event)


@given(events())
def test_encoding_is_json_for_every_reader(event: Event) -> None:
    assert json.loads(encode(event), parse_float=Decimal)["id"] == event.id
    assert encode(decode_structured(encode(event))) == encode(event)


@given(events(), st.randoms(use_true_random=False))
def test_blanks_escapes_and_spellings_of_numbers_change_nothing(
    event: Event, chance: random.Random
) -> None:
    again = decode_structured(scribble(_envelope(event), chance).encode())
    assert again == event
    assert content(again) == content(event)


@given(events(), st.randoms(use_true_random=False))
def test_binary_and_structured_mode_say_the_same(event: Event, chance: random.Random) -> None:
    members = _envelope(event)
    headers: list[tuple[str, bytes | None]] = [
        (f"ce_{name}", str(text).encode())
        for name, text in members.items()
        if text is not None and name != "data"
    ]
    assert decode_binary(headers, scribble(event.data, chance).encode()) == event


@given(events(), st.randoms(use_true_random=False), st.data())
def test_a_member_that_is_there_twice_is_always_found(
    event: Event, chance: random.Random, data: st.DataObject
) -> None:
    text = scribble(_envelope(event), chance).strip()
    name = data.draw(st.sampled_from([*_envelope(event)]))
    twice = "{" + scribble(name, chance) + ":" + scribble(None, chance) + "," + text[1:]
    with pytest.raises(InvalidEvent, match="duplicate_key"):
        decode_structured(twice.encode())


@given(st.binary(max_size=60))
def test_no_bytes_do_harm(value: bytes) -> None:
    with pytest.raises(InvalidEvent):
        decode_structured(value)


@given(events(), st.integers(0), st.binary(max_size=3))
def test_damaged_events_are_events_or_refused(event: Event, at: int, damage: bytes) -> None:
    value = encode(event)
    at %= len(value)
    with contextlib.suppress(InvalidEvent):
        decode_structured(value[:at] + damage + value[at + 1 :])


@given(st.lists(events(), max_size=5))
def test_a_packed_timeline_is_read_back_equal(timeline: list[Event]) -> None:
    one_item = [
        Event("k", "s", e.source, e.id, f"k.{e.what}", e.time, e.data, e.sequence, e.replaces)
        for e in timeline
    ]
    again = unpack_events(pack_events(one_item), kind="k", subject="s")
    assert again == one_item
    assert [content(event) for event in again] == [content(event) for event in one_item]
