"""As much of JSON Schema 2020-12 as the published schemas use; any other keyword is an error."""

import re
from collections.abc import Callable, Mapping

Schema = Mapping[str, object] | bool
_NO_RULES = {"$schema", "$defs", "title", "description", "examples", "format", "then", "else"}


def is_valid(schema: Schema, value: object, root: Schema | None = None) -> bool:
    """Whether the value is valid under the schema."""
    if isinstance(schema, bool):
        return schema
    root = schema if root is None else root
    return all(_holds(keyword, schema, value, root) for keyword in schema)


def _holds(keyword: str, schema: Mapping[str, object], value: object, root: Schema) -> bool:
    says = schema[keyword]

    def check(part: object, of: object) -> bool:
        return is_valid(part, of, root)  # type: ignore[arg-type]

    if keyword in _NO_RULES:
        return True
    if keyword in _OF_ALL:
        return _OF_ALL[keyword](says, value, check, schema, root)
    for is_of, rules in _OF_SOME:
        if keyword in rules:
            return not is_of(value) or rules[keyword](says, value, check, schema)
    message = f"the keyword {keyword} is not known here"
    raise ValueError(message)


def _same(one: object, other: object) -> bool:
    return one == other and isinstance(one, bool) is isinstance(other, bool)


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def _is_list(value: object) -> bool:
    return isinstance(value, list)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_TYPES: Mapping[str, Callable[[object], bool]] = {
    "object": _is_object,
    "array": _is_list,
    "string": _is_text,
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": _is_number,
    "integer": lambda value: _is_number(value) and float(str(value)).is_integer(),
}
_Rules = Mapping[str, Callable[..., bool]]
_OF_ALL: _Rules = {
    "$ref": lambda says, value, check, _, root: check(
        root["$defs"][says.removeprefix("#/$defs/")], value
    ),
    "type": lambda says, value, *_: any(
        _TYPES[name](value) for name in ([says] if isinstance(says, str) else says)
    ),
    "const": lambda says, value, *_: _same(says, value),
    "enum": lambda says, value, *_: any(_same(one, value) for one in says),
    "oneOf": lambda says, value, check, *_: sum(check(one, value) for one in says) == 1,
    "anyOf": lambda says, value, check, *_: any(check(one, value) for one in says),
    "allOf": lambda says, value, check, *_: all(check(one, value) for one in says),
    "not": lambda says, value, check, *_: not check(says, value),
    "if": lambda says, value, check, schema, _: check(
        schema.get("then" if check(says, value) else "else", True), value
    ),
}
_OF_OBJECTS: _Rules = {
    "properties": lambda says, value, check, _: all(
        check(part, value[name]) for name, part in says.items() if name in value
    ),
    "required": lambda says, value, *_: all(name in value for name in says),
    "additionalProperties": lambda says, value, check, schema: all(
        check(says, member)
        for name, member in value.items()
        if name not in schema.get("properties", {})
    ),
    "propertyNames": lambda says, value, check, _: all(check(says, name) for name in value),
    "dependentSchemas": lambda says, value, check, _: all(
        check(part, value) for name, part in says.items() if name in value
    ),
    "minProperties": lambda says, value, *_: len(value) >= says,
    "maxProperties": lambda says, value, *_: len(value) <= says,
}
_OF_LISTS: _Rules = {
    "items": lambda says, value, check, _: all(check(says, item) for item in value),
    "minItems": lambda says, value, *_: len(value) >= says,
    "uniqueItems": lambda _says, value, *_: len(set(map(repr, value))) == len(value),
}
_OF_TEXTS: _Rules = {
    "pattern": lambda says, value, *_: (
        re.search(says.replace("$", r"\Z"), value, re.ASCII) is not None
    ),
    "maxLength": lambda says, value, *_: len(value) <= says,
}
_OF_NUMBERS: _Rules = {
    "minimum": lambda says, value, *_: value >= says,
    "maximum": lambda says, value, *_: value <= says,
}
_OF_SOME = (
    (_is_object, _OF_OBJECTS),
    (_is_list, _OF_LISTS),
    (_is_text, _OF_TEXTS),
    (_is_number, _OF_NUMBERS),
)
