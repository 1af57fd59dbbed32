"""Matchers over an item's attributes, and milestones: the events that a KPI starts, stops, counts.

An absent attribute is None. Values compare by JSON type, numbers by value (contract section 2).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shared.domain.canonical import plain_decimal
from shared.domain.event import Event, Scalar

Attributes = dict[str, Scalar]
"""Nobody changes them; a dictionary is looked up faster than any mapping."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What one attribute may be: one of `values` (or, negated, none of them)."""

    values: tuple[Scalar, ...]
    negated: bool = False

    def admits(self, value: Scalar) -> bool:
        """Whether the attribute may have this value."""
        # Not any(): this runs for every clock at every change, and a generator costs half of it.
        for own in self.values:
            if own == value and isinstance(own, bool) is isinstance(value, bool):
                return not self.negated
        return self.negated


@dataclass(frozen=True, slots=True)
class Matcher:
    """A conjunction: every named attribute must be admitted; the empty one matches everything."""

    choices: tuple[tuple[str, Choice], ...] = ()

    def matches(self, attributes: Attributes) -> bool:
        """Whether all choices admit the attributes' values."""
        for name, choice in self.choices:  # noqa: SIM110 - as above
            if not choice.admits(attributes.get(name)):
                return False
        return True

    def excludes(self, other: "Matcher") -> bool:
        """Whether some attribute makes it impossible that both match."""
        by_name: dict[str, list[Choice]] = {}
        for name, choice in self.joined(other).choices:
            by_name.setdefault(name, []).append(choice)
        return any(_is_contradiction(choices) for choices in by_name.values())

    def joined(self, other: "Matcher") -> "Matcher":
        """Both together."""
        return Matcher(self.choices + other.choices)

    @property
    def names(self) -> frozenset[str]:
        """The attributes it looks at."""
        return frozenset(name for name, _ in self.choices)


EVERYTHING: Final = Matcher()
"""The empty matcher, `{}`."""


@dataclass(frozen=True, slots=True)
class Milestone:
    """`{event, where, changes, nth}`: all that is given must hold for an event to match.

    `event` is a type or None; `changes` an attribute that must get another value, or None; `nth`
    is None where none is written (the first; with `every` each).
    """

    event: str | None = None
    where: Matcher = EVERYTHING
    changes: str | None = None
    nth: int | None = None

    def matches(self, event: Event, before: Attributes, seen: Attributes) -> bool:
        """Whether the event matches, `nth` aside.

        `before` are the attributes before it; `seen` those after it with its own `actor`.
        """
        if self.event is not None and self.event != event.type:
            return False
        changes = self.changes
        if changes is not None and same_value(before.get(changes), seen.get(changes)):
            return False
        return not self.where.choices or self.where.matches(seen)


def _is_contradiction(choices: list[Choice]) -> bool:
    """Whether no value satisfies all choices of one attribute."""
    listed = next((choice for choice in choices if not choice.negated), None)
    return listed is not None and not any(
        all(choice.admits(value) for choice in choices) for value in listed.values
    )


def same_value(one: Scalar, other: Scalar) -> bool:
    """Equality of JSON values: by type, numbers by value."""
    return one == other and isinstance(one, bool) is isinstance(other, bool)


def as_text(value: Scalar) -> str:
    """How a value prints in a group: numbers plain, `true`, `false`, absent as the empty text."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case _:
            return plain_decimal(value)


GROUP_TEXT_MAX: Final = 200
"""Characters of a group value: groups are keys, and an attribute may be a whole letter."""
_GROUP_MAX: Final = 3 * GROUP_TEXT_MAX


def group_values(names: Sequence[str], attributes: Attributes) -> tuple[str, ...]:
    """The attributes' values as the texts of a group, in the order of `names`.

    Of a longer text the first `GROUP_TEXT_MAX` characters are the group, of more than three
    attributes fewer: the key of a database takes so much.
    """
    if not names:
        return ()
    longest = min(GROUP_TEXT_MAX, _GROUP_MAX // len(names))
    return tuple([as_text(attributes.get(name))[:longest] for name in names])
