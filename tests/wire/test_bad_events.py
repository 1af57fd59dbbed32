"""Bad events, by the ids of their catalogue (E01 to E65): each is refused with a reason or defined.

What is no event is an `InvalidEvent` with a code and a message for people, whatever the bytes: the
decoder neither crashes nor guesses. What is odd and still an event is kept exactly as it is.
"""

import json
from collections.abc import Callable
from decimal import Decimal
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.event import Event, content
from shared.domain.instant import format_instant
from shared.wire.cloudevents import (
    MAX_BYTES,
    Headers,
    InvalidEvent,
    decode_line,
    decode_record,
    decode_structured,
    encode,
)

ENVELOPE: dict[str, object] = {
    "specversion": "1.0",
    "id": "e-1",
    "source": "/helpdesk",
    "type": "ticket.created",
    "subject": "T-1",
    "time": "2026-03-02T09:00:00Z",
    "data": {"customer": "acme"},
}


def event(**changes: object) -> bytes:
    """The event with members put in place; those that are `...` are left out."""
    members = ENVELOPE | changes
    return json.dumps({k: v for k, v in members.items() if v is not ...}).encode()


def holding(data: str) -> bytes:
    """The event with data written out."""
    return event(data=...)[:-1] + b',"data":' + data.encode() + b"}"


GOOD = event()
REFUSED: list[tuple[str, str, bytes]] = [
    ("E01", "empty", b""),
    ("E03", "empty", b" \t\r\n"),
    ("E04", "not_json", GOOD[:-9]),
    ("E05", "not_json", GOOD + b"x"),
    ("E05", "not_json", GOOD + GOOD),
    ("E06", "not_json", GOOD.replace(b'"', b"'")),
    ("E06", "not_json", GOOD[:-1] + b",}"),
    ("E06", "not_json", b"/* why */" + GOOD),
    *(("E07", "not_an_object", root) for root in (b"[]", b'"x"', b"7", b"null", b"false")),
    ("E08", "duplicate_key", GOOD[:-1] + b',"id":"e-2"}'),
    ("E08", "duplicate_key", holding('{"a":{"b":1,"b":2}}')),
    ("E10", "not_json", b"\xef\xbb\xbf" + GOOD),
    ("E11", "not_utf8", GOOD.decode().encode("utf-16")),
    ("E11", "not_utf8", GOOD.replace(b"acme", b"caf\xe9")),
    ("E11", "not_utf8", GOOD.replace(b"acme", b"\xc0\xaf")),
    ("E11", "not_utf8", GOOD.replace(b"acme", b"\xed\xa0\x80")),
    ("E12", "invalid_character", GOOD.replace(b"acme", rb"\ud800")),
    ("E13", "invalid_character_id", event(id="e\0")),
    ("E13", "invalid_character_subject", event(subject="\0")),
    ("E17", "nested_too_deep", holding("[" * 1000 + "]" * 1000)),
    ("E17", "nested_too_deep", b'{"a":' * 100_000),
    ("E18", "too_large", holding('"' + "x" * 10_000_000 + '"')),
    ("E18", "too_large", event(data={"text": "x" * MAX_BYTES})),
    ("E20", "not_json", b"\x00\x00\x00\x00\x07\x02"),
    ("E20", "not_utf8", b"\x1f\x8b\x08\x00"),
    *(
        ("E21", reason, holding(f'{{"a":{number}}}'))
        for number, reason in (
            ("NaN", "not_json"),
            ("-Infinity", "not_json"),
            ("1e400", "number_out_of_range"),
            ("1e-401", "number_out_of_range"),
        )
    ),
    ("E22", "number_out_of_range", holding(f'{{"a":{"9" * 5000}}}')),
    ("E23", "wrong_type_id", event(id=7)),
    ("E23", "wrong_type_subject", event(subject=True)),
    ("E23", "missing_source", event(source=None)),
    ("E23", "wrong_type_data", event(data="{}")),
    ("E28", "missing_id", event(id=...)),
    ("E28", "empty_id", event(id="")),
    ("E28", "too_long_id", event(id="x" * 10_240)),
    ("E34", "unsupported_specversion", event(specversion="0.3")),
    ("E34", "unsupported_specversion", event(specversion="1.1")),
    ("E34", "unsupported_specversion", event(specversion=1)),
    ("E36", "missing_type", event(type=..., event_type="ticket.created")),
    ("E37", "invalid_time", event(time="2026-03-02T09:00:00")),
    *(
        ("E38", "invalid_time", event(time=text))
        for text in ("2026-03-02", "2026-03-02 09:00:00Z", "2026-W10-1T09:00:00Z", "2026-061")
    ),
    ("E39", "wrong_type_time", event(time=1_772_442_000)),
    ("E39", "invalid_time", event(time="1772442000000")),
    *(
        ("E40", "invalid_time", event(time=text))
        for text in (
            "2026-02-30T09:00:00Z",
            "2026-03-02T24:00:00Z",
            "2026-03-02T09:00:61Z",
            "2026-03-02T09:00:00+25:00",
        )
    ),
    *(
        ("E43", "invalid_time", event(time=f"{year}-01-01T00:00:00Z"))
        for year in ("0001", "1899", "9999", "10000")
    ),
]


@pytest.mark.parametrize(
    ("reason", "value"),
    [
        pytest.param(reason, value, id=f"{e}-{reason}-{n}")
        for n, (e, reason, value) in enumerate(REFUSED)
    ],
)
def test_it_is_refused_with_a_reason_that_people_can_read(reason: str, value: bytes) -> None:
    began = process_time()
    with pytest.raises(InvalidEvent) as refusal:
        decode_record([], value)
    assert process_time() - began < 1
    assert refusal.value.reason == reason
    assert refusal.value.message.isprintable()
    assert " " in refusal.value.message
    assert len(refusal.value.message) <= 300


KEPT: list[tuple[str, object]] = [
    ("E13", "a\0b"),
    ("E14", "\x1b[31m \u202egnp.exe \u200b"),
    ("E15", "acme "),
    ("E16", "😀" * 100 + "e" + "\u0301" * 10_000),
    ("E21", Decimal("1e-400")),
    ("E22", 2**64),
    ("E23", "12"),
    ("E23", True),
    ("E24", Decimal("1.5")),
    ("E25", -7),
    ("E26", Decimal("0.123456789012")),
    ("E27", "No Such Status"),
    ("E59", '=HYPERLINK("x") <script> ${jndi:ldap://x} %s {0}\r\n'),
    ("E61", "a" * 300 + "@bücher.example"),
]


@pytest.mark.parametrize("value", [pytest.param(value, id=e) for e, value in KEPT])
def test_a_value_is_kept_exactly(value: object) -> None:
    text = str(value) if isinstance(value, Decimal) else json.dumps(value)
    read = decode_structured(holding(f'{{"a":{text}}}'))
    assert read.data["a"] == value
    assert type(read.data["a"]) is type(value)
    assert decode_structured(encode(read)) == read


def test_e02_no_value_is_no_event() -> None:
    with pytest.raises(InvalidEvent, match=r"^empty: "):
        decode_record([("content-type", b"application/cloudevents+json")], None)


def test_e09_a_name_in_other_letters_is_another_name() -> None:
    read = decode_structured(event(Id="e-9", ID="e-8", ıd="e-7", data={"é": 1, "e\u0301": 2}))
    assert read.id == "e-1"
    assert read.data == {"é": 1, "e\u0301": 2}


def test_e15_ids_compare_by_their_characters() -> None:
    ids = ["caf\u00e9", "cafe\u0301", "café ", "Café"]
    assert len({decode_structured(event(id=text)).id for text in ids}) == 4


def test_e18_a_hundred_thousand_members_are_read_in_time() -> None:
    began = process_time()
    read = decode_structured(holding(json.dumps({f"{n}": 0 for n in range(70_000)})))
    assert len(read.data) == 70_000
    assert process_time() - began < 2


def test_e21_there_is_one_nought() -> None:
    assert content(decode_structured(holding('{"a":-0}'))) == content(
        decode_structured(holding('{"a":0.0}'))
    )


def test_e29_e30_e31_identity_and_content() -> None:
    same = decode_structured(event(time="2026-03-02T10:00:00.0000009+01:00"))
    assert content(same) == content(decode_structured(GOOD))
    other = decode_structured(event(data={"customer": "hooli"}))
    assert other.id == same.id
    assert content(other) != content(same)
    assert decode_structured(event(source="/crm")).source != same.source


def test_e35_members_that_nobody_knows_are_left_out() -> None:
    read = decode_structured(event(traceparent="00-1", email="a@b.example", tries=[1, {}]))
    assert read == decode_structured(GOOD)
    assert b"email" not in encode(read)


@pytest.mark.parametrize(
    ("written", "means"),
    [
        pytest.param("2026-03-02t09:00:00z", "2026-03-02T09:00:00Z", id="E38"),
        pytest.param("2026-12-31T23:59:60Z", "2027-01-01T00:00:00Z", id="E40"),
        pytest.param("2026-03-02T09:00:00-00:00", "2026-03-02T09:00:00Z", id="E41"),
        pytest.param("2026-03-02T09:00:00+14:00", "2026-03-01T19:00:00Z", id="E41"),
        pytest.param("2026-03-02T09:00:00+05:45", "2026-03-02T03:15:00Z", id="E41"),
        pytest.param("2026-03-02T09:00:00.123456999Z", "2026-03-02T09:00:00.123456Z", id="E42"),
        pytest.param("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z", id="E43"),
        pytest.param("1900-01-01T00:00:00Z", "1900-01-01T00:00:00Z", id="E43"),
        pytest.param("9998-12-30T23:59:59Z", "9998-12-30T23:59:59Z", id="E43"),
    ],
)
def test_a_time_is_read(written: str, means: str) -> None:
    assert format_instant(decode_structured(event(time=written)).time) == means


def test_e34_a_version_may_be_left_out() -> None:
    assert decode_structured(event(specversion=...)) == decode_structured(GOOD)


def test_e56_headers_say_nothing_that_the_event_does_not() -> None:
    headers: Headers = [("tenant", b"x"), ("t", b"\xff\x00"), *[("n", None)] * 1000]
    assert decode_record(headers, GOOD) == decode_structured(GOOD)
    twice: list[tuple[str, bytes | None]] = [
        ("ce_id", b"1"),
        ("ce_id", b"2"),
        ("ce_\x1b[31m", b"\xff"),
    ]
    with pytest.raises(InvalidEvent) as refusal:
        decode_record(twice, b"{}")
    assert refusal.value.reason == "duplicate_key"
    with pytest.raises(InvalidEvent) as refusal:
        decode_record(twice[1:], b"{}")
    assert refusal.value.message.isprintable()


def test_e57_e58_any_kind_is_read() -> None:
    for type_ in ("lead.won", "accord.breach.opened", "x.y"):
        assert decode_structured(event(type=type_)).kind == type_.partition(".")[0]


BEYOND_ONE_EVENT = {
    "E19": "what a client fetches at once is limited where it is set up",
    "E32": "identities are kept for ever",
    "E33": "there are no tenants",
    "E44": "what lies ahead of the wall clock is for ingest",
    "E45": "nothing is dropped for being late",
    "E46": "the time of a record is not looked at",
    "E47": "the order is that of the times; a stop before its start counts for nothing",
    "E48": "a timeline may begin anywhere",
    "E49": "both are events; the first starts",
    "E50": "how an item reopens is for its KPI",
    "E51": "statuses are an open vocabulary; of one instant the order decides",
    "E52": "merging and losing are events; a retraction takes one back",
    "E53": "attributes hold from an event's time on",
    "E54": "pauses are a union; a resume without a pause changes nothing",
    "E55": "a record's key says nothing of the event",
    "E60": "data is kept as it is sent",
    "E62": "the share of bad records is for ingest",
    "E63": "a run of bad records is for ingest",
    "E64": "the labels of metrics are objectives and groups",
    "E65": "a sealed period gets an adjustment",
}
"""What no decoder can see: it concerns a timeline, a topic, a window or a service."""


def test_every_bad_event_of_the_catalogue_is_accounted_for() -> None:
    by_data = {e for e, _, _ in REFUSED} | {e for e, _ in KEPT}
    by_name = {"E02", "E09", "E15", "E18", "E21", "E29", "E30", "E31", "E35", "E34", "E56"}
    by_name |= {"E38", "E40", "E41", "E42", "E43", "E57", "E58"}
    assert sorted(by_data | by_name | set(BEYOND_ONE_EVENT)) == [f"E{n:02}" for n in range(1, 66)]


@given(
    st.binary(max_size=200)
    | st.builds(
        lambda at, junk: GOOD[:at] + junk + GOOD[at:],
        st.integers(0, len(GOOD)),
        st.binary(min_size=1, max_size=8),
    )
    | st.builds(
        lambda at, byte: GOOD[:at] + bytes([byte]) + GOOD[at + 1 :],
        st.integers(0, len(GOOD) - 1),
        st.integers(0, 255),
    ),
    st.lists(
        st.tuples(
            st.sampled_from(("content-type", "ce_id", "ce_time", "ce_type", "x")) | st.text(),
            st.none() | st.binary(max_size=20),
        ),
        max_size=4,
    ),
)
@settings(max_examples=500, deadline=None)
def test_any_bytes_are_an_event_or_refused(
    value: bytes, headers: list[tuple[str, bytes | None]]
) -> None:
    for found in (_read(decode_record, headers, value), _read(decode_line, value)):
        if isinstance(found, InvalidEvent):
            assert found.message.isprintable()
            assert " " in found.message
        else:
            assert decode_structured(encode(found)) == found


def _read(decode: Callable[..., Event], *given: object) -> Event | InvalidEvent:
    try:
        return decode(*given)
    except InvalidEvent as refusal:
        return refusal
