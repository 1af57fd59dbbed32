"""Readers of what holds others: lists, mappings, and records of known fields."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice

from shared.documents.loader import ListNode, MapNode, Node, ScalarNode
from shared.documents.problems import (
    MAX_PROBLEMS,
    InvalidDocument,
    Problem,
    did_you_mean,
    refused,
)
from shared.documents.reader import (
    JsonSchema,
    Reader,
    T_co,
    gathered,
    shown,
    wrong,
)
from shared.documents.values import Text


class ListOf(Reader[tuple[T_co, ...]]):
    """A list; what is wrong with any of its values is said at once."""

    def __init__(self, reader: Reader[T_co], *, least: int = 0, example: str) -> None:
        self._reader = reader
        self._least = least
        self._example = example

    def read(self, node: Node) -> tuple[T_co, ...]:
        if not isinstance(node, ListNode):
            raise wrong(node, f"must be a list like {self._example}, not {shown(node)}")
        if len(node.items) < self._least:
            raise wrong(node, f"must not be empty; write for example {self._example}")
        return gathered(self._reader.read, node.items)

    def json_schema(self) -> JsonSchema:
        limit = {"minItems": self._least} if self._least else {}
        return {"type": "array", "items": self._reader.json_schema(), **limit}


class OneOrMany(Reader[tuple[T_co, ...]]):
    """One value, or a list of them."""

    def __init__(self, reader: Reader[T_co], *, least: int = 0) -> None:
        self._reader = reader
        self._least = least

    def read(self, node: Node) -> tuple[T_co, ...]:
        if not isinstance(node, ListNode):
            return (self._reader.read(node),)
        if len(node.items) < self._least:
            raise wrong(node, "must not be an empty list")
        return gathered(self._reader.read, node.items)

    def json_schema(self) -> JsonSchema:
        one = self._reader.json_schema()
        many: JsonSchema = {"type": "array", "items": one}
        return {"oneOf": [one, many | ({"minItems": self._least} if self._least else {})]}


class MapOf(Reader[dict[str, T_co]]):
    """A mapping from texts that `check` accepts to values."""

    def __init__(self, key: Text[object], reader: Reader[T_co], *, example: str) -> None:
        self._key = key
        self._reader = reader
        self._example = example

    def read(self, node: Node) -> dict[str, T_co]:
        if not isinstance(node, MapNode):
            raise wrong(node, f"must be a mapping like {self._example}, not {shown(node)}")

        def member(name: str) -> tuple[str, T_co]:
            self._key.read(ScalarNode(name, name, node.keys[name]))
            return name, self._reader.read(node.members[name])

        return dict(gathered(member, node.members))

    def json_schema(self) -> JsonSchema:
        return {
            "type": "object",
            "propertyNames": self._key.json_schema(),
            "additionalProperties": self._reader.json_schema(),
        }


@dataclass(frozen=True, slots=True)
class Field:
    """A member of a record: how it is read, whether it must be there, what it means."""

    reader: Reader[object]
    says: str
    required: bool = False


def _nothing_to_check(_value: object) -> tuple[Problem, ...]:
    return ()


class Record(Reader[T_co]):
    """A mapping of known fields; `build(node, **fields given)` makes the value.

    `what` is its name in messages, with its article; `check` looks at the fields together, and
    `schema` says as much of that as JSON Schema can.
    """

    def __init__(
        self,
        what: str,
        build: Callable[..., T_co],
        fields: Mapping[str, Field],
        *,
        example: str = "",
        check: Callable[[T_co], Iterable[Problem]] = _nothing_to_check,
        schema: JsonSchema | None = None,
    ) -> None:
        self._what = what
        self._check = check
        self._schema = schema or {}
        self._build = build
        self._members = {name: _snake(name) for name in fields}
        self._fields = fields
        self._example = example

    @property
    def names(self) -> tuple[str, ...]:
        """The fields it knows."""
        return tuple(self._fields)

    def read(self, node: Node) -> T_co:
        if not isinstance(node, MapNode):
            like = f" like {self._example}" if self._example else ""
            message = f"{self._what} is a mapping{like}, not {shown(node)}"
            raise wrong(node, message)
        problems = [*islice(self._unknown(node), MAX_PROBLEMS + 1), *self._missing(node)]
        values: dict[str, object] = {}
        for name, member in node.members.items():
            if (field := self._fields.get(name)) is None:
                continue
            try:
                values[self._members[name]] = field.reader.read(member)
            except InvalidDocument as error:
                problems.extend(p.about(name) for p in error.problems)
        if problems:
            raise InvalidDocument(problems)
        value = self._build(node, **values)
        if problems := list(self._check(value)):
            raise InvalidDocument(problems)
        return value

    def _unknown(self, node: MapNode) -> Iterable[Problem]:
        for name, place in node.keys.items():
            if name not in self._fields:
                hint = did_you_mean(name, self._fields)
                hint = hint or f"; its fields are {', '.join(self._fields)}"
                yield Problem(place, f'unknown field "{name}" in {self._what}{hint}')

    def _missing(self, node: MapNode) -> Iterable[Problem]:
        for name, field in self._fields.items():
            if field.required and name not in node.members:
                yield Problem(node.place, f'{self._what} needs the field "{name}": {field.says}')

    def json_schema(self) -> JsonSchema:
        supported = {
            name: {"description": field.says, **field.reader.json_schema()}
            for name, field in self._fields.items()
        }
        return {
            "type": "object",
            "properties": supported,
            "required": [name for name, field in self._fields.items() if field.required],
            "additionalProperties": False,
            **self._schema,
        }


class OneForm(Reader[T_co]):
    """A mapping of one of several forms, told apart by the field that each of them must have.

    Where a mapping has the fields of two forms, the first of `forms` decides. `reasons` say why a
    field is in some forms only.
    """

    def __init__(
        self,
        what: str,
        forms: Mapping[str, Record[T_co]],
        *,
        example: str,
        reasons: Mapping[str, str],
    ) -> None:
        self._what = what
        self._known = frozenset(name for form in forms.values() for name in form.names)
        self._forms = forms
        self._example = example
        self._reasons = reasons

    def read(self, node: Node) -> T_co:
        if not isinstance(node, MapNode):
            message = f"{self._what} is a mapping like {self._example}, not {shown(node)}"
            raise wrong(node, message)
        if misspelt := list(islice(self._misspelt(node), MAX_PROBLEMS + 1)):
            raise InvalidDocument(misspelt)
        told = [name for name in self._forms if name in node.members]
        form = self._forms[told[0]] if told else None
        also = [name for name in told if form is None or name not in form.names]
        if form is None or also:
            found = " and ".join([told[0], *also]) if told else "none of them"
            message = f"{self._what} has one of {_listed(self._forms)}; here is {found}"
            raise refused(node.place, message)
        misplaced = dict(self._misplaced(node, told[0], form))
        own = {name: at for name, at in node.keys.items() if name not in misplaced}
        try:
            value = form.read(MapNode({n: node.members[n] for n in own}, own, node.place))
        except InvalidDocument as error:
            raise InvalidDocument([*misplaced.values(), *error.problems]) from error
        if misplaced:
            raise InvalidDocument(misplaced.values())
        return value

    def _misspelt(self, node: MapNode) -> Iterable[Problem]:
        """Fields of no form that are near one: which form is meant is not clear then."""
        for name, place in node.keys.items():
            if name not in self._known and (hint := did_you_mean(name, self._known)):
                yield Problem(place, f'unknown field "{name}" in {self._what}{hint}')

    def _misplaced(
        self, node: MapNode, told: str, form: Record[T_co]
    ) -> Iterable[tuple[str, Problem]]:
        for name, place in node.keys.items():
            having = [key for key, other in self._forms.items() if name in other.names]
            if name not in form.names and having:
                message = f'"{name}" belongs to {" and ".join(having)}, not to {told}'
                yield name, Problem(place, message + self._reasons.get(name, ""))

    def json_schema(self) -> JsonSchema:
        return {"oneOf": [form.json_schema() for form in self._forms.values()]}


def _listed(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}"


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name)
