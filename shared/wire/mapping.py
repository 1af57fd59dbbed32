"""Records of a source to events: CloudEvents as they are, other payloads by their rules.

One payload gives no event, one, or several; or it is refused as a whole, with a reason. Nothing
here looks at a clock or at another record: a record that is sent again gives the same events.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Final, NoReturn

from shared.domain.event import Event, Scalar
from shared.domain.instant import SECOND, Micros, format_instant
from shared.domain.matcher import as_text
from shared.domain.source import (
    ABSENT,
    Attribute,
    Fixed,
    Otherwise,
    Path,
    Payload,
    Rule,
    Source,
    Taken,
    TakenType,
    Time,
    TimeFormat,
    Unlisted,
)
from shared.domain.tally import as_number
from shared.wire.cloudevents import (
    END_OF_TIME,
    FIRST_INSTANT,
    MAX_BYTES,
    MAX_TEXT_BYTES,
    Headers,
    InvalidEvent,
    decode_json,
    decode_record,
    event_of,
)

MAX_EVENTS: Final = 1_000
"""Most events of one record, and most elements of its `each`."""
_UNITS: Final[Mapping[TimeFormat, Micros]] = {
    TimeFormat.EPOCH_SECONDS: SECOND,
    TimeFormat.EPOCH_MILLISECONDS: SECOND // 1_000,
}


def read_record(
    source: Source, headers: Headers, value: bytes | None, *, max_bytes: int = MAX_BYTES
) -> list[Event]:
    """Read one record of the source's topic: its events, none where that is meant.

    Raises `InvalidEvent`; then no event of the record counts.
    """
    if source.payload is not None:
        payload = decode_json(value or b"", max_bytes=max_bytes)
        return map_payload(source.payload, payload, subject_prefix=source.subject_prefix)
    event = decode_record(headers, value, max_bytes=max_bytes)
    if not source.subject_prefix:
        return [event]
    return [replace(event, subject=_prefixed(source.subject_prefix, event))]


def map_payload(rules: Payload, payload: object, *, subject_prefix: str = "") -> list[Event]:
    """The events of a payload that has been read strictly. Raises `InvalidEvent`."""
    if rules.each is None:
        if not isinstance(payload, dict):
            _refuse("not_an_object", "the value is JSON but not an object")
        return list(_One(rules, payload, None, "", subject_prefix).events())
    elements = rules.each.find(payload, None)
    if elements is ABSENT:
        _refuse("missing_each", f"each: there is no {_shown(rules.each)}")
    if not isinstance(elements, list):
        _refuse("wrong_type_each", f"each: {_shown(rules.each)} is not an array")
    if len(elements) > MAX_EVENTS:
        _refuse("too_many_events", f"each: more than {MAX_EVENTS} elements in one record")
    own_ids = any(path.of_element for path in rules.id)
    events: list[Event] = []
    for index, element in enumerate(elements):
        suffix = "" if own_ids else f"#{index}"
        events += _One(rules, payload, element, suffix, subject_prefix).events()
        if len(events) > MAX_EVENTS:
            _refuse("too_many_events", f"more than {MAX_EVENTS} events in one record")
    return events


class _One:
    """A payload, or one element of it, under the rules."""

    __slots__ = ("_element", "_payload", "_prefix", "_rules", "_suffix")

    def __init__(
        self, rules: Payload, payload: object, element: object, suffix: str, prefix: str
    ) -> None:
        self._rules = rules
        self._payload = payload
        self._element = element
        self._suffix = suffix
        self._prefix = prefix

    def events(self) -> Iterator[Event]:
        """The event of each rule that applies."""
        applied = False
        for rule in self._rules.rules:
            if rule.when.hold(self._payload, self._element):
                applied = True
                type_ = self._type(rule.type)
                if type_ is not None:
                    yield self._event(rule, type_)
        if not applied and self._rules.otherwise is Otherwise.REFUSE:
            _refuse("unmapped", "no rule of the source applies to it")

    def _event(self, rule: Rule, what: str) -> Event:
        rules = self._rules
        name = f":{rule.name}" if rule.name else ""
        sequence = None if rules.sequence is None else self._optional(rules.sequence, "sequence")
        envelope: dict[str, object] = {
            "id": "/".join([self._text(path, "id") for path in rules.id]) + name + self._suffix,
            "source": rules.source,
            "type": f"{rules.kind}.{what}",
            "subject": self._prefix + self._text(rules.subject, "subject"),
            "time": self._time(rule.time or rules.time),
            "sequence": sequence,
        }
        return event_of(envelope, self._data(rule.data))

    def _type(self, said: str | TakenType) -> str | None:
        """What happened; None where that is none of ours."""
        if isinstance(said, str):
            return said
        found = self._find(said.path)
        if found is ABSENT or found is None:
            if said.otherwise is Otherwise.SKIP:
                return None
            _refuse("missing_type", f"type: there is no {_shown(said.path)}")
        word = self._single(found, said.path, "type")
        text = as_text(word)
        if said.values is not None:
            known = said.values.get(text)
            if known is not None or said.otherwise is Otherwise.SKIP:
                return known
            _refuse("unmapped_type", f"type: {_shown(said.path)} is {text[:64]!r}, not in values")
        if not isinstance(word, str):
            _refuse("wrong_type_type", f"type: {_shown(said.path)} is not text")
        if not text:
            _refuse("empty_type", f"type: {_shown(said.path)} is empty")
        return text

    def _time(self, time: Time) -> str:
        if time.format is TimeFormat.RFC3339:
            found = self._present(time.path, "time")
            if not isinstance(found, str):
                _refuse("wrong_type_time", f"time: {_shown(time.path)} is not text")
            return found
        number = as_number(self._single(self._present(time.path, "time"), time.path, "time"))
        if number is None:
            _refuse("invalid_time", f"time: {_shown(time.path)} is not a number")
        instant = int(Fraction(number) * _UNITS[time.format] // 1)
        if not FIRST_INSTANT <= instant < END_OF_TIME:
            _refuse("invalid_time", "time lies outside the years 1900 to 9998")
        return format_instant(instant)

    def _data(self, attributes: Mapping[str, Attribute]) -> dict[str, object]:
        data: dict[str, object] = {}
        for name, attribute in attributes.items():
            value = (
                attribute.value
                if isinstance(attribute, Fixed)
                else self._attribute(name, attribute)
            )
            if value is not ABSENT:
                data[name] = value
        return data

    def _attribute(self, name: str, taken: Taken) -> object:
        found = self._find(taken.path)
        if found is ABSENT:
            if taken.required:
                _refuse("missing_data", f"data, {name}: there is no {_shown(taken.path)}")
            return ABSENT
        value = self._single(found, taken.path, "data", name)
        if taken.values is None or value is None:
            return value
        text = as_text(value)
        if text in taken.values:
            return taken.values[text]
        if taken.otherwise is Unlisted.REFUSE:
            what = f"data, {name}: {_shown(taken.path)} is {text[:64]!r}, not in values"
            _refuse("unmapped_data", what)
        return value if taken.otherwise is Unlisted.KEEP else ABSENT

    def _find(self, path: Path) -> object:
        return path.find(self._payload, self._element)

    def _present(self, path: Path, member: str) -> object:
        found = self._find(path)
        if found is ABSENT or found is None:
            _refuse(f"missing_{member}", f"{member}: there is no {_shown(path)}")
        return found

    def _text(self, path: Path, member: str) -> str:
        """A text, or a whole number as its text."""
        found = self._present(path, member)
        if isinstance(found, bool) or not isinstance(found, str | int):
            _refuse(
                f"wrong_type_{member}",
                f"{member}: {_shown(path)} is neither text nor a whole number",
            )
        if found == "":
            _refuse(f"empty_{member}", f"{member}: {_shown(path)} is empty")
        return str(found)

    def _optional(self, path: Path, member: str) -> str | None:
        found = self._find(path)
        return None if found is ABSENT or found is None else self._text(path, member)

    def _single(self, found: object, path: Path, member: str, name: str = "") -> Scalar:
        if not (found is None or isinstance(found, str | int | Decimal)):
            of = f"{member}, {name}" if name else member
            _refuse(f"wrong_type_{member}", f"{of}: {_shown(path)} is an array or an object")
        return found


def _prefixed(prefix: str, event: Event) -> str:
    subject = prefix + event.subject
    if len(subject.encode()) > MAX_TEXT_BYTES:
        _refuse("too_long_subject", f"subject is longer than {MAX_TEXT_BYTES} bytes")
    return subject


def _shown(path: Path) -> str:
    return path.written or "payload"


def _refuse(reason: str, message: str) -> NoReturn:
    raise InvalidEvent(reason, message)
