"""Sources: for one input topic, how its records become events.

Values only, and where a value stands in a payload; bytes are read in `shared/wire/mapping.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Final

from shared.domain.event import Scalar
from shared.domain.matcher import Choice

ABSENT: Final = object()
"""What a path finds where nothing is; JSON's null is a value (None)."""


class TimeFormat(StrEnum):
    """How a payload writes an instant."""

    RFC3339 = "rfc3339"
    EPOCH_SECONDS = "epoch-seconds"
    EPOCH_MILLISECONDS = "epoch-milliseconds"


class Otherwise(StrEnum):
    """What becomes of a record that no rule, or no word of a table, provides for."""

    REFUSE = "refuse"
    SKIP = "skip"


class Unlisted(StrEnum):
    """What becomes of an attribute whose value is not in its table."""

    REFUSE = "refuse"
    KEEP = "keep"
    OMIT = "omit"


@dataclass(frozen=True, slots=True)
class Path:
    """Where a value stands: names of members (or places in arrays), outermost first.

    `of_element` says that it begins at the element of `each`, not at the payload.
    """

    written: str
    names: tuple[str, ...]
    of_element: bool = False

    def find(self, payload: object, element: object) -> object:
        """The value there, ABSENT where there is none."""
        found = element if self.of_element else payload
        for name in self.names:
            if isinstance(found, dict):
                found = found.get(name, ABSENT)
            elif isinstance(found, list) and _is_index(name) and int(name) < len(found):
                found = found[int(name)]
            else:
                return ABSENT
        return found


_DIGITS_OF_INDEX: Final = 9


def _is_index(name: str) -> bool:
    """Whether RFC 6901 takes it for a place in an array: digits without leading zeros."""
    is_number = name.isascii() and name.isdigit() and len(name) <= _DIGITS_OF_INDEX
    return is_number and (name == "0" or name[0] != "0")


@dataclass(frozen=True, slots=True)
class Conditions:
    """What must hold of a payload: all of them; what is absent is None, as in a matcher."""

    choices: tuple[tuple[Path, Choice], ...] = ()

    def hold(self, payload: object, element: object) -> bool:
        """Whether every choice admits what stands at its path; it admits no array or object."""
        for path, choice in self.choices:
            found = path.find(payload, element)
            if found is ABSENT:
                found = None
            single = found is None or isinstance(found, str | int | Decimal)
            if not (choice.admits(found) if single else choice.negated):  # type: ignore[arg-type] # narrowed by `single`
                return False
        return True


@dataclass(frozen=True, slots=True)
class Fixed:
    """An attribute that is the same in every event."""

    value: Scalar


@dataclass(frozen=True, slots=True)
class Taken:
    """An attribute that a payload says, perhaps in other words: `values` by the text of theirs."""

    path: Path
    values: Mapping[str, Scalar] | None = None
    otherwise: Unlisted = Unlisted.REFUSE
    required: bool = False


Attribute = Fixed | Taken


@dataclass(frozen=True, slots=True)
class TakenType:
    """What happened (the type after its kind) as a payload says it, perhaps in other words."""

    path: Path
    values: Mapping[str, str] | None = None
    otherwise: Otherwise = Otherwise.REFUSE


@dataclass(frozen=True, slots=True)
class Time:
    """Where a payload says when, and how it is written."""

    path: Path
    format: TimeFormat = TimeFormat.RFC3339


@dataclass(frozen=True, slots=True)
class Rule:
    """One event that a payload may give.

    Its `name` tells its ids from those of other rules; the only rule of a mapping may have none.
    """

    name: str
    type: str | TakenType
    when: Conditions = Conditions()
    time: Time | None = None
    data: Mapping[str, Attribute] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """How a payload that is no CloudEvent is read: what all its events share, and the rules.

    With `each` the rules apply to every element of the array there.
    """

    source: str
    kind: str
    id: tuple[Path, ...]
    subject: Path
    time: Time
    rules: tuple[Rule, ...]
    sequence: Path | None = None
    each: Path | None = None
    otherwise: Otherwise = Otherwise.REFUSE


@dataclass(frozen=True, slots=True)
class Source:
    """One input topic; without a `payload` its records are CloudEvents.

    `subject_prefix` is put before every subject, so that sources that number alike are kept apart.
    """

    name: str
    topic: str
    subject_prefix: str = ""
    payload: Payload | None = None


DEFAULT_SOURCES: Final = (Source("leads", "leads"), Source("tickets", "tickets"))
"""What is read where no sources are declared (contract section 6)."""
