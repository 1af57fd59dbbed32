"""One batch: what becomes an event where, and what a dead letter says."""

import hashlib
import json
from dataclasses import dataclass, field

import pytest

from services.ingest.dead_letter import PREFIX, dead_letter, truncated
from services.ingest.handle import RECORD_BYTES, SKEW, Headers, Record, Refused, handle
from shared.domain.instant import format_instant, parse_instant
from shared.domain.source import Path, Payload, Rule, Source, Taken, Time
from shared.wire.cloudevents import CONTENT_TYPE, InvalidEvent, decode_record
from shared.wire.partitioning import partition_of

NOW = parse_instant("2026-03-02T12:00:00Z")
DESK = Payload(
    source="/desk",
    kind="ticket",
    id=(Path("id", ("id",)),),
    subject=Path("no", ("no",)),
    time=Time(Path("each.at", ("at",), of_element=True)),
    each=Path("changes", ("changes",)),
    rules=(Rule("c", "commented", data={"note": Taken(Path("note", ("note",)))}),),
)
SOURCES = {"tickets": Source("tickets", "tickets"), "desk": Source("desk", "desk", "D-", DESK)}


@dataclass(frozen=True, slots=True)
class ARecord:
    """A record as a consumer hands it out."""

    value: bytes | None
    topic: str = "tickets"
    partition: int = 3
    offset: int = 17
    timestamp: int = 1_772_442_000_123
    key: bytes | None = b"any key"
    headers: Headers = field(default_factory=list)


def _value(subject: str = "T-1", time: str = "2026-03-02T09:00:00Z", **more: object) -> bytes:
    members = {"id": "e-1", "source": "/s", "type": "ticket.created", "specversion": "1.0"}
    return json.dumps({**members, "subject": subject, "time": time, **more}).encode()


def test_an_event_goes_to_the_partition_of_its_item_whatever_its_key_was() -> None:
    records = [ARecord(_value(f"T-{n % 5}", id=f"e-{n}")) for n in range(20)]
    handled = handle(records, SOURCES, partitions=8, now=NOW)
    assert not handled.refused
    for partition, events in handled.events.items():
        for outgoing in events:
            assert outgoing.key is not None
            assert partition == partition_of(outgoing.key.decode(), 8)
    assert sum(map(len, handled.events.values())) == 20


def test_the_events_of_an_item_keep_the_order_in_which_they_came() -> None:
    records = [ARecord(_value("T-1", id=f"e-{n}"), offset=n) for n in range(9)]
    ((_, events),) = handle(records, SOURCES, partitions=8, now=NOW).events.items()
    assert [outgoing.origin.offset for outgoing in events] == list(range(9))


def test_what_is_written_is_the_same_event_in_its_normal_form() -> None:
    record = ARecord(_value("T-1", "2026-03-02T10:00:00.5+01:00", data={"a": 1}))
    ((_, (outgoing,)),) = handle([record], SOURCES, partitions=8, now=NOW).events.items()
    assert outgoing.key == b"ticket:T-1"
    assert list(outgoing.headers) == [("content-type", CONTENT_TYPE.encode())]
    assert json.loads(outgoing.value or b"")["time"] == "2026-03-02T09:00:00.500000Z"
    assert decode_record(outgoing.headers, outgoing.value) == decode_record([], record.value)


def test_a_bad_record_is_refused_and_nothing_else_changes() -> None:
    records = [ARecord(_value(id="a")), ARecord(b"{"), ARecord(None), ARecord(_value(id="b"))]
    handled = handle(records, SOURCES, partitions=8, now=NOW)
    assert [refused.why.reason for refused in handled.refused] == ["not_json", "empty"]
    assert sum(map(len, handled.events.values())) == 2


@pytest.mark.parametrize(("ahead", "reasons"), [(0, []), (SKEW, []), (SKEW + 1, ["future_time"])])
def test_an_event_may_be_five_minutes_ahead_and_no_more(ahead: int, reasons: list[str]) -> None:
    record = ARecord(_value(time=format_instant(NOW + ahead)))
    handled = handle([record], SOURCES, partitions=8, now=NOW)
    assert [refused.why.reason for refused in handled.refused] == reasons


def _desk(*times: str, **more: object) -> ARecord:
    members = {"id": 7, "no": 1, "changes": [{"at": time} for time in times], **more}
    return ARecord(json.dumps(members).encode(), topic="desk")


def test_a_payload_gives_several_events_or_none() -> None:
    records = [_desk("2026-03-02T09:00:00Z", "2026-03-02T10:00:00Z"), _desk(), ARecord(_value())]
    handled = handle(records, SOURCES, partitions=8, now=NOW)
    written = [one for events in handled.events.values() for one in events]
    assert sorted(decode_record(one.headers, one.value).id for one in written) == [
        "7:c#0",
        "7:c#1",
        "e-1",
    ]
    assert {one.key for one in written} == {b"ticket:D-1", b"ticket:T-1"}
    assert (handled.skipped, handled.refused) == ([records[1]], [])


def test_of_a_record_with_a_bad_event_none_counts() -> None:
    records = [
        _desk("2026-03-02T09:00:00Z", format_instant(NOW + SKEW + 1)),
        _desk("2026-03-02T09:00:00Z", "yesterday"),
        _desk(*["2026-03-02T09:00:00Z"] * 3, note="x" * (RECORD_BYTES // 3)),
    ]
    handled = handle(records, SOURCES, partitions=8, now=NOW)
    assert [one.why.reason for one in handled.refused] == [
        "future_time",
        "invalid_time",
        "too_large",
    ]
    assert (handled.events, handled.skipped) == ({}, [])


def _ours(headers: Headers) -> dict[str, str]:
    return {
        name.removeprefix(PREFIX): (content or b"").decode()
        for name, content in headers
        if name.startswith(PREFIX)
    }


def _letter(record: Record, reason: str = "not_json") -> Headers:
    refused = Refused(record, InvalidEvent(reason, "what is wrong"))
    return dead_letter(refused, group="accord-ingest", failed_at=NOW, version="0.1.0").headers


def test_a_dead_letter_is_the_record_unchanged_with_headers_that_say_why() -> None:
    record = ARecord(b"\xff{", headers=[("a", b"1"), ("a", b"\xff"), ("b", None)])
    refused = Refused(record, InvalidEvent("not_utf8", "what is wrong"))
    letter = dead_letter(refused, group="accord-ingest", failed_at=NOW, version="0.1.0")
    assert (letter.value, letter.key) == (record.value, record.key)
    assert list(letter.headers[:3]) == list(record.headers)
    assert _ours(letter.headers) == {
        "topic": "tickets",
        "partition": "3",
        "offset": "17",
        "group": "accord-ingest",
        "delivery.count": "1",
        "message": "what is wrong",
        "exception.class": "shared.wire.cloudevents.InvalidEvent",
        "stage": "decode",
        "reason": "not_utf8",
        "timestamp": "1772442000123",
        "failed_at": "2026-03-02T12:00:00Z",
        "app_version": "0.1.0",
    }


def test_a_record_that_dies_again_says_how_often() -> None:
    again = ARecord(b"{", headers=_letter(ARecord(b"{", headers=_letter(ARecord(b"{")))))
    assert _ours(_letter(again))["delivery.count"] == "3"
    assert (
        _ours(_letter(ARecord(b"{", headers=[(PREFIX + "delivery.count", b"x")])))["delivery.count"]
        == "1"
    )


def test_a_letter_that_is_too_large_says_what_was_cut() -> None:
    value = b"x" * 3_000_000
    refused = Refused(ARecord(value, headers=[("a", b"1")]), InvalidEvent("too_large", "large"))
    letter = truncated(dead_letter(refused, group="g", failed_at=NOW, version="0.1.0"))
    assert letter.value
    assert value.startswith(letter.value)
    assert letter.headers[0] == ("a", b"1")
    ours = _ours(letter.headers)
    assert (ours["truncated"], ours["offset"]) == ("3000000", "17")
    assert ours["sha256"] == hashlib.sha256(value).hexdigest()


def test_headers_that_are_too_large_are_left_out() -> None:
    refused = Refused(ARecord(b"{", headers=[("a", b"1" * 500_000)]), InvalidEvent("not_json", "x"))
    letter = truncated(dead_letter(refused, group="g", failed_at=NOW, version="0.1.0"))
    assert all(name.startswith(PREFIX) for name, _ in letter.headers)
