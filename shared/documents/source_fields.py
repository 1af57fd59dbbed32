"""The fields of a Source document and their checks."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from shared.documents.fields import Field, ListOf, MapOf, OneForm, OneOrMany, Record
from shared.documents.loader import ListNode, MapNode, Node, ScalarNode
from shared.documents.matching import MATCHER
from shared.documents.paths import PATH, parse_path
from shared.documents.problems import InvalidDocument, Place, Problem
from shared.documents.reader import JsonSchema, Placed, Reader, T_co, WithPlace, gathered
from shared.documents.values import NAME, TEXT, Flag, OneOf, Text, scalar_of
from shared.domain.event import Scalar
from shared.domain.source import (
    Attribute,
    Conditions,
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

MAX_KEY: Final = 256
"""Most bytes of what becomes part of the key of every event."""
MAX_RULES: Final = 100
_OWN_TOPICS: Final = ("accord.events", "accord.breaches")
_TOPIC: Final = r"[A-Za-z0-9._-]{1,245}"
_KIND: Final = r"[^.:\s]+"
_WHAT: Final = r"\S+"


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """A Source document."""

    node: MapNode
    topic: Placed[str]
    subject_prefix: str = ""
    mapping: Payload | None = None


def source_of(name: str, spec: SourceSpec) -> Source:
    """The source that a document of that name says."""
    return Source(name, spec.topic.value, spec.subject_prefix, spec.mapping)


@dataclass(frozen=True, slots=True)
class _Mapping:
    """The fields of a mapping: `type` for one event of a payload, `events` for several."""

    node: MapNode
    source: str
    kind: str
    id: tuple[Path, ...]
    subject: Path
    time: Time
    sequence: Path | None = None
    each: Path | None = None
    type: str | TakenType | None = None
    data: Mapping[str, Attribute] = field(default_factory=dict)
    events: tuple[Placed[Rule], ...] = ()
    otherwise: Otherwise = Otherwise.REFUSE


def _payload(node: MapNode, **given: object) -> Payload:
    own = _Mapping(node, **given)  # type: ignore[arg-type] # the fields below say what they are
    problems = [*_forms(own), *_elements(own), *_same_names(own), *_kinds(own)]
    if problems:
        raise InvalidDocument(problems)
    rules = [replace(one.value, data={**own.data, **one.value.data}) for one in own.events]
    if own.type is not None:
        rules = [Rule("", own.type, data=own.data)]
    return Payload(
        source=own.source,
        kind=own.kind,
        id=own.id,
        subject=own.subject,
        time=own.time,
        rules=tuple(rules),
        sequence=own.sequence,
        each=own.each,
        otherwise=own.otherwise,
    )


def _forms(own: _Mapping) -> Iterator[Problem]:
    has_rules = "events" in own.node.members
    if own.type is None and not has_rules:
        message = 'a mapping needs "type", what each payload is, or "events", a list of rules'
        yield Problem(own.node.place, message)
    if own.type is not None and has_rules:
        message = '"type" and "events" exclude each other; each rule has a type of its own'
        yield Problem(own.node.keys["type"], message)
    if "otherwise" in own.node.members and not has_rules:
        message = '"otherwise" is about payloads to which none of "events" applies'
        yield Problem(own.node.keys["otherwise"], f"{message}; it may also stand in type")
    if len(own.events) > MAX_RULES:
        yield Problem(own.node.keys["events"], f"more than {MAX_RULES} rules; split the source")


def _elements(own: _Mapping) -> Iterator[Problem]:
    """Paths that begin at the element of `each` where there is none."""
    for place, written in _paths(own.node):
        if own.each is None and parse_path(written).of_element:
            name = written.removeprefix("each").lstrip("./").replace(".", "/")
            message = f'"{written}" begins at an element of "each", which is not there'
            hint = f'; a member of the payload that is called each is "/each/{name}"'
            yield Problem(place, message + hint.replace('/"', '"'))
    if own.each is not None and own.each.of_element:
        yield Problem(own.node.keys["each"], '"each" itself begins at the payload')


def _paths(node: Node) -> Iterator[tuple[Place, str]]:
    """Every path below a node that has been read, with its place."""
    if isinstance(node, ListNode):
        for item in node.items:
            yield from _paths(item)
    for name, member in node.members.items() if isinstance(node, MapNode) else ():
        if name == "when" and isinstance(member, MapNode):
            yield from ((place, path) for path, place in member.keys.items())
        elif name == "path" and not isinstance(member, MapNode):
            scalars = member.items if isinstance(member, ListNode) else (member,)
            yield from ((own.place, own.written) for own in scalars if isinstance(own, ScalarNode))
        else:
            yield from _paths(member)


def _same_names(own: _Mapping) -> Iterator[Problem]:
    first: dict[str, Place] = {}
    for rule in own.events:
        place = first.setdefault(rule.value.name, rule.place)
        if place is not rule.place:
            message = f'there is already a rule "{rule.value.name}" on line {place.line}'
            yield Problem(rule.place, f"{message}; the names tell the ids of their events apart")


def _kinds(own: _Mapping) -> Iterator[Problem]:
    """Types that are written with their kind, which would stand there twice."""
    types = [(own.node.keys.get("type", own.node.place), own.type)]
    types += [(rule.place, rule.value.type) for rule in own.events]
    for place, said in types:
        words = [said] if isinstance(said, str) else (said.values or {}).values() if said else ()
        for word in words:
            kind, dot, what = word.partition(".")
            if dot and kind == own.kind:
                message = f'"{word}": the kind is put before it; did you mean "{what}"?'
                yield Problem(place, f"type: {message}")


def _source(
    node: MapNode,
    topic: Placed[str],
    subject_prefix: str = "",
    mapping: Payload | None = None,
) -> SourceSpec:
    return SourceSpec(node, topic, subject_prefix, mapping)


def topic_name(text: str) -> str:
    """A topic that sources may have: a name that Kafka takes and Accord does not write to."""
    if re.fullmatch(_TOPIC, text) is None or text in (".", ".."):
        message = f'"{text}" is not a topic: letters, digits, dots, hyphens, at most 245'
        raise ValueError(message)
    if text in _OWN_TOPICS or text.endswith(".dlq"):
        message = f'"{text}" is written by Accord itself, it is no source'
        raise ValueError(message)
    return text


def _key(text: str) -> str:
    """A part of every event's key."""
    if not text.strip():
        message = "must not be empty"
        raise ValueError(message)
    if len(text.encode()) > MAX_KEY:
        message = f"must be at most {MAX_KEY} bytes long"
        raise ValueError(message)
    return text


def _item_kind(text: str) -> str:
    if re.fullmatch(_KIND, text) is None:
        message = f'"{text}" is not a kind of item, like ticket or lead'
        raise ValueError(message)
    return _key(text)


def _what(text: str) -> str:
    if re.fullmatch(_WHAT, text) is None:
        message = f'"{text}" is not what happens, like created or solved'
        raise ValueError(message)
    return _key(text)


def _any_text(text: str) -> str:
    return text


class _Single(Reader[Scalar]):
    """A text, a number, `true`, `false` or `null`."""

    def read(self, node: Node) -> Scalar:
        return scalar_of(node)

    def json_schema(self) -> JsonSchema:
        return {"type": ["string", "number", "boolean", "null"]}


class _When(Reader[Conditions]):
    """A matcher whose names are paths."""

    def read(self, node: Node) -> Conditions:
        matcher = MATCHER.read(node)
        if not isinstance(node, MapNode):
            raise TypeError
        keys = [ScalarNode(name, name, place) for name, place in node.keys.items()]
        paths = gathered(PATH.read, keys)
        choices = [choice for _, choice in matcher.choices]
        return Conditions(tuple(zip(paths, choices, strict=True)))

    def json_schema(self) -> JsonSchema:
        return MATCHER.json_schema() | {"propertyNames": PATH.json_schema()}


class _Type(Reader[str | TakenType]):
    """What happens: a word, or where the payload says it."""

    def read(self, node: Node) -> str | TakenType:
        return _TAKEN_TYPE.read(node) if isinstance(node, MapNode) else _WORD.read(node)

    def json_schema(self) -> JsonSchema:
        return {"oneOf": [_WORD.json_schema(), _TAKEN_TYPE.json_schema()]}


def _without_node(make: Callable[..., T_co]) -> Callable[..., T_co]:
    def build(_node: MapNode, **given: object) -> T_co:
        return make(**given)

    return build


def _taken(node: MapNode, **given: object) -> Attribute:
    if "otherwise" in node.members and "values" not in node.members:
        message = '"otherwise" is about what is not in "values"; give them, or leave it out'
        raise InvalidDocument([Problem(node.keys["otherwise"], message)])
    return Taken(**given)  # type: ignore[arg-type] # the fields below say what they are


def _only_path(_node: MapNode, path: Path) -> Path:
    return path


def _only_paths(_node: MapNode, path: tuple[Path, ...]) -> tuple[Path, ...]:
    return path


_TEXT: Final = Text(_any_text, {})
_KEY: Final = Text(_key, {"pattern": r"\S", "maxLength": MAX_KEY})
_WORD: Final = Text(_what, {"pattern": f"^{_WHAT}$", "maxLength": MAX_KEY})
_PATH_FIELD: Final = Field(PATH, "where it stands, like ticket.id or /ticket/id", required=True)
_AT: Final = Record("this", _only_path, {"path": _PATH_FIELD}, example="{path: ticket.id}")
_ID: Final = Record(
    "an id",
    _only_paths,
    {
        "path": Field(
            OneOrMany(PATH, least=1), "where it stands; several are joined by /", required=True
        )
    },
    example="{path: ticket.id}",
)
_TIME: Final = Record(
    "a time",
    _without_node(Time),
    {
        "path": _PATH_FIELD,
        "format": Field(OneOf(TimeFormat), "rfc3339 (default), epoch-seconds, epoch-milliseconds"),
    },
    example="{path: ticket.updated_at}",
)
_TAKEN_TYPE: Final = Record(
    "a type",
    _without_node(TakenType),
    {
        "path": _PATH_FIELD,
        "values": Field(
            MapOf(_TEXT, _WORD, example="{comment_added: replied}"), "our words for theirs"
        ),
        "otherwise": Field(OneOf(Otherwise), "refuse (default) or skip what is not in values"),
    },
)
_FIXED: Final[Record[Attribute]] = Record(
    "an attribute",
    _without_node(Fixed),
    {"value": Field(_Single(), "what it always is", required=True)},
)
_TAKEN: Final[Record[Attribute]] = Record(
    "an attribute",
    _taken,
    {
        "path": _PATH_FIELD,
        "values": Field(MapOf(_TEXT, _Single(), example="{urgent: p1}"), "our words for theirs"),
        "otherwise": Field(OneOf(Unlisted), "refuse (default), keep or omit what is not in values"),
        "required": Field(Flag(), "refuse a payload without it; false by default"),
    },
    schema={"dependentSchemas": {"otherwise": {"required": ["values"]}}},
)
_DATA: Final = MapOf(
    TEXT,
    OneForm(
        "an attribute",
        {"path": _TAKEN, "value": _FIXED},
        example="{path: ticket.priority}",
        reasons={},
    ),
    example="{priority: {path: ticket.priority}}",
)
_RULE: Final = Record(
    "a rule",
    _without_node(Rule),
    {
        "name": Field(NAME, "ends the ids of its events", required=True),
        "when": Field(_When(), "what the members at these paths must be; {} by default"),
        "type": Field(_Type(), "what happens, without the kind: solved", required=True),
        "time": Field(_TIME, "when, if not as in the mapping"),
        "data": Field(_DATA, "attributes beside those of the mapping, or instead of them"),
    },
    example="{name: solved, when: {ticket.status: solved}, type: solved}",
)
MAPPING: Final = Record(
    "a mapping",
    _payload,
    {
        "source": Field(_KEY, "the source of all its events, like /zendesk", required=True),
        "kind": Field(
            Text(_item_kind, {"pattern": f"^{_KIND}$", "maxLength": MAX_KEY}),
            "the kind of item, like ticket or lead",
            required=True,
        ),
        "id": Field(_ID, "what tells this payload from all others", required=True),
        "subject": Field(_AT, "which item it is about", required=True),
        "time": Field(_TIME, "when it happened", required=True),
        "sequence": Field(_AT, "the order among events of one time"),
        "each": Field(_AT, "an array: the rules apply to each of its elements"),
        "type": Field(_Type(), "what happens, where one payload is one event"),
        "data": Field(_DATA, "the attributes that an event sets"),
        "events": Field(
            ListOf(WithPlace(_RULE), least=1, example="[{name: solved, type: solved}]"),
            "the events that one payload may give",
        ),
        "otherwise": Field(OneOf(Otherwise), "refuse (default) or skip what no rule applies to"),
    },
    schema={
        "oneOf": [{"required": ["type"]}, {"required": ["events"]}],
        "dependentSchemas": {"otherwise": {"required": ["events"]}},
    },
)
SOURCE: Final = Record(
    "a source",
    _source,
    {
        "topic": Field(
            WithPlace(Text(topic_name, {"pattern": f"^{_TOPIC}$"})),
            "the Kafka topic it comes on",
            required=True,
        ),
        "subjectPrefix": Field(_KEY, "put before every subject, to keep sources apart"),
        "mapping": Field(MAPPING, "how a payload becomes events; without it they are CloudEvents"),
    },
)
