"""Matchers as documents write them: an attribute with a value, a list of values, or `{not: …}`."""

from typing import Final

from shared.documents.loader import ListNode, MapNode, Node
from shared.documents.reader import JsonSchema, Reader, gathered, shown, wrong
from shared.documents.values import scalar_of
from shared.domain.event import Scalar
from shared.domain.matcher import Choice, Matcher

_VALUE: JsonSchema = {"type": ["string", "number", "boolean", "null"]}
_VALUES: JsonSchema = {"oneOf": [_VALUE, {"type": "array", "items": _VALUE}]}


class AnyMatcher(Reader[Matcher]):
    """Reads a matcher; all its choices must hold."""

    def read(self, node: Node) -> Matcher:
        if not isinstance(node, MapNode):
            message = f"must map attributes to values like {{priority: p1}}, not {shown(node)}"
            raise wrong(node, message)
        return Matcher(
            gathered(lambda member: (member[0], _choice(member[1])), node.members.items())
        )

    def json_schema(self) -> JsonSchema:
        negated: JsonSchema = {
            "type": "object",
            "properties": {"not": _VALUES},
            "required": ["not"],
            "additionalProperties": False,
        }
        either: JsonSchema = {"oneOf": [*_listed(_VALUES), negated]}
        return {"type": "object", "additionalProperties": either}


def _listed(schema: JsonSchema) -> list[object]:
    alternatives = schema["oneOf"]
    return alternatives if isinstance(alternatives, list) else [alternatives]


def _choice(node: Node) -> Choice:
    if not isinstance(node, MapNode):
        return Choice(_values(node))
    if list(node.members) != ["not"]:
        raise wrong(node, "must be a value, a list of values, or {not: value}")
    return Choice(_values(node.members["not"]), negated=True)


def _values(node: Node) -> tuple[Scalar, ...]:
    if isinstance(node, ListNode):
        return gathered(scalar_of, node.items)
    return (scalar_of(node),)


MATCHER: Final = AnyMatcher()
ANYTHING: Final = Matcher()
