"""Matchers and milestones: what holds as of an event."""

from decimal import Decimal
from typing import Any

Json = Any


def listed(value: Json) -> list[Json]:
    """A value as a list of values."""
    return value if isinstance(value, list) else [value]


def equal(a: Json, b: Json) -> bool:
    """JSON equality: by type, numbers by value."""

    def kind(x: Json) -> str:
        number = isinstance(x, int | Decimal) and not isinstance(x, bool)
        return "number" if number else type(x).__name__

    return kind(a) == kind(b) and bool(a == b)


def holds(want: Json, value: Json) -> bool:
    """Whether a matcher's entry accepts the value of its attribute."""
    if isinstance(want, dict):
        return not any(equal(w, value) for w in listed(want["not"]))
    return any(equal(w, value) for w in listed(want))


def matches(matcher: dict[str, Json], attributes: dict[str, Json]) -> bool:
    """Whether all entries of a matcher hold."""
    return all(holds(want, attributes.get(name)) for name, want in matcher.items())


def plain(x: int | Decimal) -> str:
    """A number in plain digits, without trailing zeros."""
    text = format(Decimal(x), "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in {"-0", ""} else text
