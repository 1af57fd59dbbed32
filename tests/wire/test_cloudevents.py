"""What is an event and what is not, whatever way its bytes are written."""

import json
from decimal import Decimal

import pytest

from shared.domain.event import Event, content
from shared.domain.instant import parse_instant
from shared.wire.cloudevents import (
    CONTENT_TYPE,
    MAX_BYTES,
    MAX_TEXT_BYTES,
    InvalidEvent,
    decode_binary,
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
    "data": {"customer": "acme", "score": 1},
}
EVENT = Event(
    kind="ticket",
    subject="T-1",
    source="/helpdesk",
    id="e-1",
    type="ticket.created",
    time=parse_instant("2026-03-02T09:00:00Z"),
    data={"customer": "acme", "score": 1},
)
HEADERS: dict[str, bytes] = {
    "ce_specversion": b"1.0",
    "ce_id": b"e-1",
    "ce_source": b"/helpdesk",
    "ce_type": b"ticket.created",
    "ce_subject": b"T-1",
    "ce_time": b"2026-03-02T09:00:00Z",
    "content-type": b"application/json",
}


def _bytes(**changes: object) -> bytes:
    return json.dumps({**ENVELOPE, **changes}).encode()


def _without(name: str) -> bytes:
    return json.dumps({k: v for k, v in ENVELOPE.items() if k != name}).encode()


def _with_data(data: str) -> bytes:
    return _without("data")[:-1] + b',"data":' + data.encode() + b"}"


def _nested(depth: int) -> str:
    return '{"a":' * depth + "1" + "}" * depth


GOOD: dict[str, bytes] = {
    "members in another order": json.dumps(dict(reversed(ENVELOPE.items()))).encode(),
    "blanks everywhere": json.dumps(ENVELOPE, indent=3).replace('":', '"\t\r\n :').encode(),
    "escapes": _bytes().replace(b"acme", rb"\u0061\u0063me").replace(b"/help", rb"\/help"),
    "another offset": _bytes(time="2026-03-02T10:00:00.000000999+01:00"),
    "another spelling of a number": _bytes().replace(b'"score": 1', b'"score": 10.0e-1'),
    "unknown members": _bytes(traceparent="00-1", dataschema="https://x.test/s", tries=3),
    "an unknown member that is an object": _bytes(ext={"a": {"b": [{"c": 1}]}}),
    "an unknown member that is not set": _bytes(partitionkey=None),
    "no specversion": _without("specversion"),
    "a sequence and a correction that are not set": _bytes(sequence=None, replaces=None),
}


@pytest.mark.parametrize("value", GOOD.values(), ids=GOOD.keys())
def test_the_same_event_is_read_however_it_is_written(value: bytes) -> None:
    assert decode_structured(value) == EVENT
    assert content(decode_structured(value)) == content(EVENT)


TOO_LONG = "x" * (MAX_TEXT_BYTES + 1)
BAD: dict[str, list[bytes]] = {
    "empty": [b"", b"  \n"],
    "too_large": [_bytes(padding="x" * MAX_BYTES)],
    "not_utf8": [b"\xff\xfe{\x00}\x00", _bytes(id="\u00e9?").replace(rb"\u00e9", b"\xe9"), b"\x80"],
    "not_json": [
        b"{",
        b"{}{}",
        b"{'id': 1}",
        b'\xef\xbb\xbf{"a":1}',
        _with_data('{"a":NaN}'),
        _with_data('{"a":Infinity}'),
        _with_data('{"a":01}'),
        _bytes() + b"x",
    ],
    "not_an_object": [b"[]", b"1", b'"x"', b"null", b"true", b'[{"id":"e-1"}]'],
    "duplicate_key": [
        _bytes()[:-1] + b', "id": "e-2"}',
        _bytes()[:-1] + rb', "i\u0064" :"e-2"}',
        _with_data('{"a":1,"a":1}'),
        _with_data('{"a":{"b":":","b":1}}'),
        _with_data('{"a":[{"b":1,"b" : 2}]}'),
        _with_data(r'{"a":1,"a":"\u003a"}'),
        _with_data(r'{"a":["\u003A"],"a":["\u003A"]}'),
        _with_data('{"a:":":","a:":":"}'),
        _bytes()[:-1] + b',"x":{"y":1,"y":2}}',
    ],
    "unsupported_specversion": [_bytes(specversion="0.3"), _bytes(specversion=1.0)],
    "data_base64": [_bytes(data_base64="e30=")],
    "type_without_dot": [_bytes(type="created"), _bytes(type=".created")],
    "invalid_character_type": [_bytes(type="a:b.created")],
    "wrong_type_data": [_bytes(data=[]), _bytes(data="{}"), _bytes(data=False), _bytes(data=0)],
    "wrong_type_sequence": [_bytes(sequence=1.5), _bytes(sequence=True), _bytes(sequence=[])],
    "wrong_type_replaces": [_bytes(replaces=7), _bytes(replaces={})],
    "invalid_character_replaces": [_bytes(replaces="\0")],
    "too_long_sequence": [_bytes(sequence=TOO_LONG)],
    "invalid_time": [
        _bytes(time=text)
        for text in (
            "2026-03-02T09:00:00",
            "2026-03-02",
            "2026-03-02 09:00:00Z",
            "2026-02-30T09:00:00Z",
            "2026-03-02T24:00:00Z",
            "2026-03-02T09:00:00+25:00",
            "1772442000",
            "now",
            "x" * 1_000,
            "0001-01-01T00:00:00+01:00",
            "1899-12-31T23:59:59Z",
            "9999-12-31T23:59:59-01:00",
            "2026-03-02T09:00Z",
            "\uff12026-03-02T09:00:00Z",
        )
    ],
    "number_out_of_range": [
        _with_data(f'{{"a":{number}}}')
        for number in (
            "1e401",
            "1e-401",
            "1e99999999999999999999999999",
            "9" * 401,
            "-" + "9" * 401,
            "9" * 5000,
            "1." + "1" * 401,
        )
    ]
    + [_with_data('{"a":[{"b":1e999999999}]}')],
    "nested_too_deep": [
        _with_data(_nested(65)),
        _with_data(_nested(5_000)),
        b"[" * 100_000,
        _with_data('{"a":' + "[" * 64 + "]" * 64 + "}"),
    ],
    "invalid_character": [_bytes(id="?").replace(b"?", rb"\ud800")],
}
_WRONG: tuple[object, ...] = (1, True, [], {}, 1.5)
for _name in ("id", "source", "type", "subject", "time"):
    BAD |= {
        f"missing_{_name}": [_without(_name), _bytes(**{_name: None})],
        f"empty_{_name}": [_bytes(**{_name: ""})],
        f"wrong_type_{_name}": [_bytes(**{_name: wrong}) for wrong in _WRONG],
        f"too_long_{_name}": [_bytes(**{_name: TOO_LONG}), _bytes(**{_name: "\U0001f600" * 257})],
    }
    BAD.setdefault(f"invalid_character_{_name}", []).append(_bytes(**{_name: "x.\0"}))


@pytest.mark.parametrize(
    ("reason", "value"), [(reason, value) for reason, values in BAD.items() for value in values]
)
def test_what_is_no_event_is_refused_with_its_reason(reason: str, value: bytes) -> None:
    with pytest.raises(InvalidEvent) as refusal:
        decode_structured(value)
    assert refusal.value.reason == reason
    assert 0 < len(refusal.value.message) <= 300


def test_numbers_are_exact() -> None:
    event = decode_structured(
        _with_data('{"a":0.1,"b":123456789012345678901,"c":1e3,"d":-0,"e":-0.0}')
    )
    assert event.data == {
        "a": Decimal("0.1"),
        "b": 123456789012345678901,
        "c": 1000,
        "d": 0,
        "e": 0,
    }
    assert not any(isinstance(number, float) for number in event.data.values())


def test_the_largest_numbers_are_still_numbers() -> None:
    event = decode_structured(_with_data(f'{{"a":1e399,"b":1e-400,"c":{"9" * 400}}}'))
    assert decode_structured(encode(event)) == event


def test_a_sequence_may_be_a_number() -> None:
    assert decode_structured(_bytes(sequence=10)).sequence == "10"
    assert decode_structured(_bytes(sequence="010")).sequence == "010"


def test_absent_and_null_data_are_no_data() -> None:
    assert decode_structured(_without("data")).data == {}
    assert decode_structured(_bytes(data=None)).data == {}


def test_a_type_is_split_at_its_first_dot() -> None:
    event = decode_structured(_bytes(type="ticket.escalated.twice"))
    assert (event.kind, event.what) == ("ticket", "escalated.twice")


def test_text_may_hold_what_looks_like_members() -> None:
    value = _bytes(data={"note": 'a":1, "b" :2,\t: x', "": ":", "x": ':":'})
    assert decode_structured(value).data == {"note": 'a":1, "b" :2,\t: x', "": ":", "x": ':":'}


def test_a_line_may_end_as_it_likes() -> None:
    assert decode_line(b"  " + _bytes() + b"\r\n") == EVENT


def test_an_encoded_event_is_read_back_equal() -> None:
    event = Event(
        "lead", "L-ü-😀", "https://crm.test/a", "1", "lead.won",
        parse_instant("2026-01-02T03:04:05.000006Z"),
        {"amount": Decimal("1.50"), "tags": ["a", {"b": None}], "big": 2**80}, "7", "0",
    )  # fmt: skip
    assert decode_structured(encode(event)) == event
    assert json.loads(encode(event))["time"] == "2026-01-02T03:04:05.000006Z"
    assert b'"amount":1.50' in encode(event)


def _headers(**changes: bytes | None) -> list[tuple[str, bytes | None]]:
    return [*{**HEADERS, **changes}.items()]


def test_the_two_modes_of_kafka_give_the_same_event() -> None:
    structured = [("Content-Type", b"Application/CloudEvents+json; charset=UTF-8")]
    assert decode_record(structured, _bytes()) == EVENT
    assert decode_record(_headers(), b'{"customer":"acme","score":1}') == EVENT
    assert decode_record([("trace", b"\xff")], _bytes()) == EVENT
    assert decode_record([], _bytes()) == EVENT


def test_extensions_are_read_from_headers_too() -> None:
    event = decode_binary(_headers(ce_sequence=b"5", ce_replaces=b"e-0", ce_other=b"x"), b"{}")
    assert (event.sequence, event.replaces) == ("5", "e-0")


@pytest.mark.parametrize("value", [None, b"", b"null", b" null\n"])
def test_binary_mode_needs_no_data(value: bytes | None) -> None:
    assert decode_record(_headers(), value).data == {}


@pytest.mark.parametrize("content_type", [b"text/json", b"application/vnd.x+json;v=1", b""])
def test_binary_mode_takes_any_json(content_type: bytes) -> None:
    assert decode_record(_headers(**{"content-type": content_type}), b"{}").data == {}


BAD_RECORDS: list[tuple[str, list[tuple[str, bytes | None]], bytes | None]] = [
    ("empty", [], None),
    ("empty", [("content-type", CONTENT_TYPE.encode())], None),
    ("unsupported_content_type", [("content-type", b"application/cloudevents-batch+json")], b"[]"),
    ("unsupported_content_type", _headers(**{"content-type": b"application/avro"}), b"{}"),
    ("wrong_type_data", _headers(), b"[1]"),
    ("not_json", _headers(), b"{"),
    ("duplicate_key", _headers(), b'{"a":1,"a":2}'),
    ("duplicate_key", [*_headers(), ("ce_id", b"e-2")], b"{}"),
    ("not_utf8", _headers(ce_id=b"\xff"), b"{}"),
    ("missing_id", _headers(ce_id=None), b"{}"),
    ("empty_subject", _headers(ce_subject=b""), b"{}"),
    ("number_out_of_range", _headers(), b'{"a":1e999}'),
    ("too_large", _headers(), b'{"a":"' + b"x" * MAX_BYTES + b'"}'),
    ("unsupported_specversion", _headers(ce_specversion=b"2.0"), b"{}"),
]


@pytest.mark.parametrize(("reason", "headers", "value"), BAD_RECORDS)
def test_a_record_that_is_no_event_is_refused_with_its_reason(
    reason: str, headers: list[tuple[str, bytes | None]], value: bytes | None
) -> None:
    with pytest.raises(InvalidEvent) as refusal:
        decode_record(headers, value)
    assert refusal.value.reason == reason
