"""A row of an answer that a scenario expects: `T-1 acme/response 1: met, elapsed 45m`.

Before the colon stands which row is meant, after it what it must say.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from services.cli.scenarios.facts import (
    NONE,
    Fact,
    Row,
    Words,
    breach_words,
    clock_words,
    window_words,
)
from services.cli.scenarios.notation import Times
from shared.documents.problems import Place
from shared.domain.instant import parse_instant

_CLOCK: Final = re.compile(r"(\S+) ([^/\s]+/[^/\s]+)(?: ([1-9]\d*))?", re.ASCII)
_DEFAULT_KIND: Final = "ticket:"


class Part(StrEnum):
    """The lists of an answer of which a scenario speaks; windows are its `objectives`."""

    CLOCKS = "clocks"
    WINDOWS = "windows"
    BREACHES = "breaches"

    @property
    def member(self) -> str:
        """The member of the answer that holds the rows."""
        return "objectives" if self is Part.WINDOWS else self.value


@dataclass(frozen=True, slots=True)
class Entry:
    """A row that is expected: as it was written, how it is named, what it must say.

    With `absent` there must be no row of that name.
    """

    who: str
    said: str
    name: str
    facts: tuple[Fact, ...]
    place: Place
    absent: bool = False

    @property
    def text(self) -> str:
        """The entry as written, spaced evenly."""
        return f"{self.who}: {self.said}" if self.said else self.who

    def fits(self, row: Row, named: frozenset[str]) -> bool:
        """Whether a row with these names is the one that is expected."""
        return self.name in named and all(fact.holds(row) for fact in self.facts)

    def found(self, row: Row) -> str:
        """What the row has to say about all that the entry states."""
        said = ", ".join(fact.found(row) for fact in self.facts)
        return f"{self.who}: {said}" if said else self.who


def entry(part: Part, who: str, facts: str, times: Times, place: Place) -> Entry:
    """Read `who: facts` that stands at `place`; `ValueError` says what is wrong with it."""
    words = _WORDS[part](times)
    said = [" ".join(fact.split()) for fact in facts.split(",") if fact.strip()]
    if said == [NONE]:
        return Entry(who, NONE, _NAMES[part](who, times), (), place, absent=True)
    if part is Part.BREACHES and len(said) != 1:
        message = f'"{who}" needs one span of time: from..to, or from.. where it lasts'
        raise ValueError(message)
    read = tuple(words.fact(fact) for fact in said)
    return Entry(who, ", ".join(said), _NAMES[part](who, times), read, place)


def names(part: Part, rows: Sequence[Row], times: Times) -> list[frozenset[str]]:
    """How each row may be named: a latest window by its `sla_id` alone, too."""
    latest = {row.get("sla_id"): index for index, row in enumerate(rows)}
    found = []
    for index, row in enumerate(rows):
        own = {_name(row, times)}
        if part is Part.WINDOWS and latest[row["sla_id"]] == index:
            own.add(str(row["sla_id"]))
        found.append(frozenset(own))
    return found


def brief(part: Part, row: Row, times: Times) -> str:
    """A row that is not expected, in one line."""
    said = ", ".join(fact.found(row) for fact in _WORDS[part](times).brief)
    return f"{_name(row, times)}: {said}"


def _name(row: Row, times: Times) -> str:
    if "item" in row:
        item = str(row["item"]).removeprefix(_DEFAULT_KIND)
        return f"{item} {row['agreement']}/{row['objective']} {row['cycle']}"
    window = row["window"]
    start = window["start"] if isinstance(window, Mapping) else ""
    return f"{row['sla_id']} {times.text(parse_instant(start))}"


def _clock_name(who: str, _times: Times) -> str:
    parts = _CLOCK.fullmatch(who)
    if parts is None:
        message = f'"{who}" names no clock; write item agreement/objective, like T-1 acme/response'
        raise ValueError(message)
    return f"{parts[1].removeprefix(_DEFAULT_KIND)} {parts[2]} {parts[3] or 1}"


def _window_name(who: str, times: Times) -> str:
    sla_id, _, start = who.partition(" ")
    if "/" not in sla_id:
        message = f'"{who}" names no window; write agreement/objective and its start'
        raise ValueError(message)
    return f"{sla_id} {times.text(times.instant(start))}" if start else sla_id


def _breach_name(who: str, times: Times) -> str:
    if _CLOCK.fullmatch(who):
        return _clock_name(who, times)
    if " " not in who:
        message = f'"{who}" needs an item before it, or behind it the start of a window'
        raise ValueError(message)
    return _window_name(who, times)


_WORDS: Final[Mapping[Part, Callable[[Times], Words]]] = {
    Part.CLOCKS: clock_words,
    Part.WINDOWS: window_words,
    Part.BREACHES: breach_words,
}
_NAMES: Final[Mapping[Part, Callable[[str, Times], str]]] = {
    Part.CLOCKS: _clock_name,
    Part.WINDOWS: _window_name,
    Part.BREACHES: _breach_name,
}
