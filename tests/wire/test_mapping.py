"""Payloads to events by the rules of a source."""

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.documents.source_files import load_sources
from shared.domain.event import Event
from shared.domain.instant import format_instant, parse_instant
from shared.domain.source import Source
from shared.wire.cloudevents import (
    MAX_BYTES,
    InvalidEvent,
    decode_record,
    decode_structured,
    encode,
)
from shared.wire.mapping import MAX_EVENTS, read_record

HEAD = "apiVersion: accord/v1\nkind: Source\nmetadata: {name: desk}\nspec:\n  topic: desk\n"
AT = "2026-03-02T09:00:00Z"
FIELDS = {
    "source": "/desk",
    "kind": "ticket",
    "id": {"path": "id"},
    "subject": {"path": "no"},
    "time": {"path": "at"},
    "type": "replied",
}
GOOD: dict[str, object] = {"id": "e-1", "no": "T-1", "at": AT}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def desk(folder: Path, **changes: object) -> Source:
    """A source with the fields above, some of them changed or (by None) left out."""
    fields = {name: value for name, value in (FIELDS | changes).items() if value is not None}
    file = folder / "sources.yaml"
    file.write_text(f"{HEAD}  mapping: {json.dumps(fields)}\n", encoding="utf-8")
    found = load_sources(file)
    assert found.problems == ()
    [source] = found.sources
    return source


def z(source: Source) -> Source:
    return replace(source, subject_prefix="Z-")


def written(**changes: object) -> bytes:
    """The payload above, some of its members changed or (by ...) left out."""
    members = {name: value for name, value in (GOOD | changes).items() if value is not ...}
    return json.dumps(members).encode()


def events(source: Source, value: bytes | None) -> list[Event]:
    return read_record(source, [("any", b"header")], value)


def refusal(source: Source, value: bytes | None) -> str:
    with pytest.raises(InvalidEvent) as caught:
        read_record(source, [], value)
    assert caught.value.message
    return caught.value.reason


def test_one_payload_is_one_event(folder: Path) -> None:
    assert events(desk(folder), written()) == [
        Event("ticket", "T-1", "/desk", "e-1", "ticket.replied", parse_instant(AT))
    ]


@pytest.mark.parametrize(
    ("fields", "payload", "expected"),
    [
        ({}, {"id": 17, "no": 4711}, {"id": "17", "subject": "4711"}),
        ({}, {"id": 10**30}, {"id": "1" + "0" * 30}),
        ({"id": {"path": ["no", "id"]}}, {}, {"id": "T-1/e-1"}),
        ({"subject": {"path": "a.0.n"}}, {"a": [{"n": "X"}]}, {"subject": "X"}),
        ({"subject": {"path": "/a~1b/c.d"}}, {"a/b": {"c.d": "X"}}, {"subject": "X"}),
        ({"sequence": {"path": "n"}}, {"n": 12}, {"sequence": "12"}),
        ({"sequence": {"path": "n"}}, {"n": "b"}, {"sequence": "b"}),
        ({"sequence": {"path": "n"}}, {"n": None}, {"sequence": None}),
        ({"sequence": {"path": "n"}}, {}, {"sequence": None}),
        ({}, {"at": "2026-03-02T10:00:00.1234567+01:00"}, {"time": "2026-03-02T09:00:00.123456Z"}),
        ({"type": {"path": "t"}}, {"t": "a.b"}, {"type": "ticket.a.b"}),
        ({"type": {"path": "t", "values": {"c": "d"}}}, {"t": "c"}, {"type": "ticket.d"}),
        ({"type": {"path": "t", "values": {"7": "rated"}}}, {"t": 7}, {"type": "ticket.rated"}),
        ({"type": {"path": "t", "values": {"true": "a"}}}, {"t": True}, {"type": "ticket.a"}),
    ],
)  # fmt: skip
def test_each_part_of_an_event_is_where_its_path_leads(
    folder: Path, fields: dict[str, object], payload: dict[str, object], expected: dict[str, object]
) -> None:
    [event] = events(desk(folder, **fields), written(**payload))
    found = {name: getattr(event, name) for name in expected}
    if "time" in found:
        found["time"] = format_instant(event.time)
    assert found == expected


@pytest.mark.parametrize(
    ("unit", "number", "instant"),
    [
        ("epoch-seconds", "1772442000", AT),
        ("epoch-seconds", '"1772442000"', AT),
        ("epoch-seconds", "1772442000.000001", "2026-03-02T09:00:00.000001Z"),
        ("epoch-seconds", "1772442000.9999999", "2026-03-02T09:00:00.999999Z"),
        ("epoch-seconds", '"1772442000.25"', "2026-03-02T09:00:00.250000Z"),
        ("epoch-seconds", "1.772442e9", AT),
        ("epoch-seconds", "-0.0000001", "1969-12-31T23:59:59.999999Z"),
        ("epoch-milliseconds", "1772442000123", "2026-03-02T09:00:00.123000Z"),
        ("epoch-milliseconds", '"1772442000123"', "2026-03-02T09:00:00.123000Z"),
        ("epoch-milliseconds", "1772442000123.4567", "2026-03-02T09:00:00.123456Z"),
        ("epoch-milliseconds", "-1", "1969-12-31T23:59:59.999000Z"),
    ],
)
def test_a_number_is_a_time_to_the_microsecond(
    folder: Path, unit: str, number: str, instant: str
) -> None:
    source = desk(folder, time={"path": "at", "format": unit})
    [event] = events(source, written(at=...)[:-1] + f',"at":{number}}}'.encode())
    assert format_instant(event.time) == instant


WORDS = {"urgent": "p1", "1": 7, "true": "yes", "none": None}


@pytest.mark.parametrize(
    ("attribute", "member", "data"),
    [
        ({"value": "fixed"}, ..., {"x": "fixed"}),
        ({"value": None}, ..., {"x": None}),
        ({"path": "m"}, "text", {"x": "text"}),
        ({"path": "m"}, "", {"x": ""}),
        ({"path": "m"}, 0, {"x": 0}),
        ({"path": "m"}, False, {"x": False}),
        ({"path": "m"}, None, {"x": None}),
        ({"path": "m"}, ..., {}),
        ({"path": "m", "values": WORDS}, "urgent", {"x": "p1"}),
        ({"path": "m", "values": WORDS}, 1, {"x": 7}),
        ({"path": "m", "values": WORDS}, 1.0, {"x": 7}),
        ({"path": "m", "values": WORDS}, "1", {"x": 7}),
        ({"path": "m", "values": WORDS}, True, {"x": "yes"}),
        ({"path": "m", "values": WORDS}, "none", {"x": None}),
        ({"path": "m", "values": WORDS}, None, {"x": None}),
        ({"path": "m", "values": WORDS}, ..., {}),
        ({"path": "m", "values": WORDS, "otherwise": "keep"}, "low", {"x": "low"}),
        ({"path": "m", "values": WORDS, "otherwise": "omit"}, "low", {}),
        ({"path": "m", "required": True}, None, {"x": None}),
    ],
)
def test_an_attribute_is_fixed_taken_or_translated(
    folder: Path, attribute: dict[str, object], member: object, data: dict[str, object]
) -> None:
    [event] = events(desk(folder, data={"x": attribute}), written(m=member))
    assert event.data == data
    assert [type(value) for value in event.data.values()] == [type(v) for v in data.values()]


@pytest.mark.parametrize(
    "number", ["0.1", "12.50", "1e-400", "9007199254740993", "9" * 400, "-1.000000000000000000001"]
)
def test_numbers_are_kept_exactly(folder: Path, number: str) -> None:
    source = desk(folder, data={"amount": {"path": "m"}})
    [event] = events(source, written()[:-1] + f',"m":{number}}}'.encode())
    assert event.data == {"amount": Decimal(number)}
    assert decode_structured(encode(event)).data == event.data


TABLE = {"path": "m", "values": WORDS}
REFUSED: list[tuple[str, dict[str, object], dict[str, object]]] = [
    ("missing_id", {}, {"id": ...}),
    ("missing_id", {}, {"id": None}),
    ("empty_id", {}, {"id": ""}),
    ("missing_id", {"id": {"path": ["no", "other"]}}, {}),
    ("wrong_type_id", {}, {"id": True}),
    ("wrong_type_id", {}, {"id": 1.5}),
    ("wrong_type_id", {}, {"id": ["e-1"]}),
    ("too_long_id", {}, {"id": "x" * 1025}),
    ("invalid_character_id", {}, {"id": "a\0"}),
    ("missing_subject", {}, {"no": ...}),
    ("missing_subject", {"subject": {"path": "no.x"}}, {}),
    ("empty_subject", {}, {"no": ""}),
    ("wrong_type_subject", {}, {"no": {"id": 7}}),
    ("too_long_subject", {}, {"no": "ä" * 513}),
    ("missing_time", {}, {"at": ...}),
    ("missing_time", {}, {"at": None}),
    ("wrong_type_time", {}, {"at": 1772442000}),
    ("wrong_type_time", {}, {"at": [AT]}),
    ("invalid_time", {}, {"at": "2026-03-02 09:00"}),
    ("invalid_time", {}, {"at": "2026-03-02T09:00:00"}),
    ("invalid_time", {}, {"at": "1800-01-01T00:00:00Z"}),
    ("invalid_time", {"time": {"path": "at", "format": "epoch-seconds"}}, {}),
    ("invalid_time", {"time": {"path": "at", "format": "epoch-seconds"}}, {"at": True}),
    ("invalid_time", {"time": {"path": "at", "format": "epoch-seconds"}}, {"at": "1e9"}),
    ("invalid_time", {"time": {"path": "at", "format": "epoch-seconds"}}, {"at": 10**399}),
    ("invalid_time", {"time": {"path": "at", "format": "epoch-seconds"}}, {"at": -(10**12)}),
    ("wrong_type_time", {"time": {"path": "at", "format": "epoch-seconds"}}, {"at": {}}),
    ("wrong_type_sequence", {"sequence": {"path": "m"}}, {"m": 1.5}),
    ("empty_sequence", {"sequence": {"path": "m"}}, {"m": ""}),
    ("missing_type", {"type": {"path": "m"}}, {}),
    ("missing_type", {"type": {"path": "m", "values": {"a": "b"}}}, {"m": None}),
    ("empty_type", {"type": {"path": "m"}}, {"m": ""}),
    ("wrong_type_type", {"type": {"path": "m"}}, {"m": 7}),
    ("wrong_type_type", {"type": {"path": "m", "values": {"a": "b"}}}, {"m": ["a"]}),
    ("unmapped_type", {"type": {"path": "m", "values": {"a": "b"}}}, {"m": "A"}),
    ("too_long_type", {"type": {"path": "m"}}, {"m": "x" * 1020}),
    ("missing_data", {"data": {"x": {"path": "m", "required": True}}}, {}),
    ("wrong_type_data", {"data": {"x": {"path": "m"}}}, {"m": ["a"]}),
    ("wrong_type_data", {"data": {"x": TABLE}}, {"m": {"a": 1}}),
    ("unmapped_data", {"data": {"x": TABLE}}, {"m": "low"}),
    ("unmapped_data", {"data": {"x": TABLE}}, {"m": ""}),
    ("missing_each", {"each": {"path": "m"}}, {}),
    ("wrong_type_each", {"each": {"path": "m"}}, {"m": None}),
    ("wrong_type_each", {"each": {"path": "m"}}, {"m": {"0": {}}}),
    ("wrong_type_each", {"each": {"path": ""}}, {}),
    ("unmapped", {"type": None, "events": [{"name": "a", "type": "b", "when": {"m": 1}}]}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("reason", "fields", "payload"), REFUSED)
def test_what_is_missing_or_unknown_is_refused_with_a_reason(
    folder: Path, reason: str, fields: dict[str, object], payload: dict[str, object]
) -> None:
    assert refusal(desk(folder, **fields), written(**payload)) == reason


@pytest.mark.parametrize(
    ("reason", "value"),
    [
        ("empty", None),
        ("empty", b" "),
        ("not_json", b"{"),
        ("not_json", b"{'id': 1}"),
        ("not_json", b"\xef\xbb\xbf{}"),
        ("not_utf8", b'{"id":"\xff"}'),
        ("not_an_object", b"[]"),
        ("not_an_object", b"null"),
        ("not_an_object", b'"text"'),
        ("duplicate_key", b'{"id":"a","id":"b","no":"c","at":"d"}'),
        ("duplicate_key", b'{"x":{"y":[{"a":1,"a":1}]}}'),
        ("invalid_character", b'{"id":"\\ud800"}'),
        ("number_out_of_range", b'{"x":1e401}'),
        ("number_out_of_range", b'{"x":[1' + b"0" * 400 + b"]}"),
        ("nested_too_deep", b'{"x":' + b"[" * 64 + b"]" * 64 + b"}"),
        ("nested_too_deep", b"[" * 100_000),
        ("too_large", b" " * (MAX_BYTES + 1)),
    ],
)
def test_bytes_are_read_as_strictly_as_those_of_an_event(
    folder: Path, reason: str, value: bytes | None
) -> None:
    assert refusal(desk(folder), value) == reason


def test_what_is_skipped_gives_no_event(folder: Path) -> None:
    table = {"path": "t", "values": {"a": "b"}, "otherwise": "skip"}
    source = desk(folder, type=table)
    assert len(events(source, written(t="a"))) == 1
    for other in ("x", None, ..., 7):
        assert events(source, written(t=other)) == []
    assert refusal(source, written(t=["a"])) == "wrong_type_type"
    rules = [{"name": "a", "type": "b", "when": {"t": "a"}}]
    source = desk(folder, type=None, events=rules, otherwise="skip")
    assert events(source, written(t="x", id=...)) == []


def test_each_rule_that_applies_gives_an_event_of_its_own_id(folder: Path) -> None:
    rules = [
        {"name": "solved", "when": {"status": "solved"}, "type": "solved"},
        {"name": "moved", "when": {"team": {"not": None}}, "type": "assigned",
         "data": {"team": {"path": "team"}, "by": {"value": "rule"}}},
        {"name": "rated", "when": {"score": [1, 2]}, "type": "rated", "time": {"path": "then"}},
    ]  # fmt: skip
    source = desk(folder, type=None, events=rules, data={"by": {"value": "all"}})
    found = events(source, written(status="solved", team="b"))
    assert [(one.id, one.type, one.data) for one in found] == [
        ("e-1:solved", "ticket.solved", {"by": "all"}),
        ("e-1:moved", "ticket.assigned", {"by": "rule", "team": "b"}),
    ]
    [rated] = events(source, written(score=2, then="2026-03-03T00:00:00Z"))
    assert format_instant(rated.time) == "2026-03-03T00:00:00Z"
    # One bad event, and none of the record counts.
    assert refusal(source, written(status="solved", score=2)) == "missing_time"


def test_the_elements_of_an_array_are_events_by_their_place_or_their_own_id(folder: Path) -> None:
    rules = [{"name": "c", "type": "commented", "when": {"each.kind": "comment"}}]
    fields: dict[str, object] = {
        "type": None,
        "events": rules,
        "otherwise": "skip",
        "each": {"path": "changes"},
    }
    changes = [{"kind": "x", "n": 1}, {"kind": "comment", "n": 2}, {"kind": "comment", "n": 3}]
    found = events(desk(folder, **fields), written(changes=changes))
    assert [one.id for one in found] == ["e-1:c#1", "e-1:c#2"]
    found = events(desk(folder, **fields, id={"path": "each.n"}), written(changes=changes))
    assert [one.id for one in found] == ["2:c", "3:c"]
    assert events(desk(folder, **fields), written(changes=[])) == []
    assert events(desk(folder, **fields), written(changes=["text", None, [1]])) == []


def test_a_payload_may_be_an_array_itself(folder: Path) -> None:
    taken = {name: {"path": f"each.{path}"} for name, path in
             (("id", "id"), ("subject", "no"), ("time", "at"))}  # fmt: skip
    source = desk(folder, each={"path": ""}, **taken)
    value = b"[" + written() + b"," + written(id="e-2") + b"]"
    assert [one.id for one in events(source, value)] == ["e-1", "e-2"]
    assert refusal(source, b"[" + written() + b',{"id":"e-2"}]') == "missing_subject"
    assert refusal(source, written()) == "wrong_type_each"


def test_a_record_gives_so_many_events_and_no_more(folder: Path) -> None:
    source = desk(folder, each={"path": "changes"})
    assert len(events(source, written(changes=[0] * MAX_EVENTS))) == MAX_EVENTS
    assert refusal(source, written(changes=[0] * (MAX_EVENTS + 1))) == "too_many_events"
    twice = [{"name": name, "type": "b"} for name in ("one", "two")]
    source = desk(folder, each={"path": "changes"}, type=None, events=twice)
    assert len(events(source, written(changes=[0] * (MAX_EVENTS // 2)))) == MAX_EVENTS
    assert refusal(source, written(changes=[0] * (MAX_EVENTS // 2 + 1))) == "too_many_events"
    rules = [{"name": f"r-{n}", "type": "b", "when": {"m": n}} for n in range(1, 101)]
    source = desk(folder, each={"path": "changes"}, type=None, events=rules, otherwise="skip")
    began = process_time()
    assert events(source, written(changes=[0] * MAX_EVENTS)) == []
    assert refusal(source, written(changes=[0] * 300_000)) == "too_many_events"
    assert process_time() - began < 2.0


def test_a_prefix_keeps_sources_apart(folder: Path) -> None:
    [event] = events(z(desk(folder)), written(no=7))
    assert event.item == "ticket:Z-7"
    assert refusal(z(desk(folder)), written(no="x" * 1023)) == "too_long_subject"
    cloud = Source("acme", "acme", "A-")
    value = json.dumps(
        {"id": "e", "source": "/s", "type": "ticket.created", "subject": "7", "time": AT}
    ).encode()
    [event] = read_record(cloud, [], value)
    assert event.item == "ticket:A-7"
    assert refusal(cloud, value.replace(b'"7"', b'"' + b"x" * 1023 + b'"')) == "too_long_subject"
    assert read_record(Source("acme", "acme"), [], value) == [decode_record([], value)]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["e-1", AT]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "no", "at", "t", "m", "c"]), inner, max_size=6)
    ),
    max_leaves=12,
)


@given(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
@settings(max_examples=500, deadline=None)
def test_whatever_comes_is_events_that_can_be_written_or_a_reason(value: bytes) -> None:
    for source in EVERYTHING:
        try:
            found = read_record(source, [], value)
        except InvalidEvent:
            continue
        assert read_record(source, [], value) == found
        for event in found:
            assert decode_structured(encode(event)) == event


@pytest.fixture(scope="module", autouse=True)
def _everything(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Sources that look at all that the payloads above hold."""
    folder = tmp_path_factory.mktemp("everything")
    table = {"path": "t", "values": {"e-1": "a"}, "otherwise": "skip"}
    EVERYTHING[:] = [
        desk(folder),
        z(desk(folder, type=table, data={"m": {"path": "m"}}, sequence={"path": "c"})),
        desk(folder, type={"path": "t"}, time={"path": "at", "format": "epoch-seconds"}),
        desk(folder, each={"path": "c"}, subject={"path": "each.no"}, data={"x": TABLE}),
        desk(folder, each={"path": ""}, subject={"path": "each"}, otherwise=None),
    ]


EVERYTHING: list[Source] = []
