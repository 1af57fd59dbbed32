"""The AsyncAPI document says what is really sent and taken."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from services.evaluator.breaches import breach_event, window_breach
from services.ingest.dead_letter import dead_letter, truncated
from services.ingest.handle import Headers, Refused
from shared.domain.instant import SECOND, parse_instant
from shared.domain.window import Span
from shared.runtime.topics import DEFAULT_INPUTS, Topics, dead_letters
from shared.wire.cloudevents import InvalidEvent, decode_structured, encode
from tests.asyncapi import document, problems, resolved

NOW = parse_instant("2026-03-04T10:00:00.3Z")


@dataclass(frozen=True, slots=True)
class ARecord:
    """A record as a consumer hands it out."""

    value: bytes | None = b"x" * 500_000
    topic: str = "tickets"
    partition: int = 3
    offset: int = 17
    timestamp: int = 1_772_442_000_123
    key: bytes | None = b"any key"
    headers: Headers = ()


def references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for own in node.values():
            yield from references(own)
    elif isinstance(node, list):
        for own in node:
            yield from references(own)


def test_every_reference_leads_somewhere() -> None:
    found = set(references(document()))
    assert len(found) > 20
    for reference in found:
        assert resolved(reference), reference


def test_it_has_the_topics_that_there_are_and_the_stream() -> None:
    topics = Topics()
    addresses = {own["address"] for own in document()["channels"].values()}
    dead = {dead_letters("{topic}")}
    assert addresses == {
        *DEFAULT_INPUTS,
        topics.events,
        topics.breaches,
        *dead,
        "/v1/stream",
    }


def test_each_operation_sends_or_receives_on_a_channel_by_the_groups_that_there_are() -> None:
    operations = document()["operations"]
    for own in operations.values():
        assert own["action"] in {"send", "receive"}
        assert resolved(own["channel"]["$ref"])["messages"]
    groups = {
        own["bindings"]["kafka"]["groupId"]["const"]
        for own in operations.values()
        if own["action"] == "receive"
    }
    assert groups == {Topics().group("ingest"), Topics().group("evaluator")}


def examples() -> list[tuple[str, dict[str, Any]]]:
    return [
        (message["payload"]["$ref"].rpartition("/")[2], example["payload"])
        for message in document()["components"]["messages"].values()
        for example in message.get("examples", ())
    ]


@pytest.mark.parametrize(("schema", "payload"), examples())
def test_examples_are_of_the_schema_that_they_are_examples_of(
    schema: str, payload: dict[str, Any]
) -> None:
    assert problems(schema, payload) == []
    if schema == "Event":
        event = decode_structured(msgspec.json.encode(payload))
        assert problems("Event", msgspec.json.decode(encode(event))) == []


@pytest.mark.parametrize("what", ["opened", "confirmed", "withdrawn", "closed", "restated"])
def test_announcements_of_a_window_are_as_it_says(what: str) -> None:
    span = Span(NOW - SECOND, NOW + SECOND)
    row = window_breach("acme/response", '["a/b","~"]', span, (NOW, None), NOW)._asdict()
    own = {**row, "state": "breached", "value": "0.5", "confirmed": True}
    for change in ({}, {"closed_at": NOW}, {"state": None, "value": None}):
        event = breach_event(what, 2, {**own, **change}, ("team", "region"), now=NOW)
        assert problems("BreachEvent", msgspec.json.decode(event)) == []


def test_dead_letters_have_the_headers_that_it_names() -> None:
    refused = Refused(ARecord(), InvalidEvent("not_json", "the value is not JSON"))
    letter = dead_letter(refused, group="accord-ingest", failed_at=NOW, version="1.0")
    for own in (letter, truncated(letter)):
        headers = {name: (content or b"").decode() for name, content in own.headers}
        assert problems("DeadLetterHeaders", headers) == []
        named = set(resolved("#/components/schemas/DeadLetterHeaders")["properties"])
        assert set(headers) - named == set()


def test_what_is_not_as_it_says_is_noticed() -> None:
    payload = next(own for schema, own in examples() if schema == "Event")
    assert problems("Event", {**payload, "id": ""})
    assert problems("Event", {key: own for key, own in payload.items() if key != "time"})
