"""What is wrong with a document: file, line, and what to do about it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Final, NamedTuple

MAX_PROBLEMS: Final = 1_000
"""So many are said in one run; who has more of them mends these first."""
_LONGEST: Final = 600


class Place(NamedTuple):
    """Where something is written; lines and columns count from 1."""

    file: str
    line: int
    column: int


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong; prints as `file:line: what is wrong`.

    `named` says that the message already names the field it is about.
    """

    place: Place
    message: str
    named: bool = True

    def __post_init__(self) -> None:
        """Keep the message on one line of a terminal, whatever the documents hold."""
        object.__setattr__(self, "message", _shortened(printable(self.message)))

    def __str__(self) -> str:
        return f"{self.place.file}:{self.place.line}: {self.message}"

    @property
    def as_warning(self) -> str:
        """`file:line: warning: what is hardly meant`."""
        return f"{self.place.file}:{self.place.line}: warning: {self.message}"

    def about(self, field: str) -> "Problem":
        """The same with the field's name before a message that has none yet."""
        if self.named:
            return self
        return replace(self, message=f"{field}: {self.message}", named=True)


class InvalidDocument(Exception):  # noqa: N818 - named by whose fault it is, like InvalidEvent
    """Documents that are refused, with everything that is wrong with them."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def printable(text: str) -> str:
    r"""The text on one line: what no screen shows is written as in Python, a newline as `\n`."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _shortened(text: str) -> str:
    if len(text) <= _LONGEST:
        return text
    return f"{text[: _LONGEST // 2]} … {text[-_LONGEST // 3 :]}"


def refused(place: Place, message: str) -> InvalidDocument:
    """The error of one problem whose message names everything it needs to."""
    return InvalidDocument([Problem(place, message)])


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean "…"?` for the nearest known word, or nothing."""
    by_lower = {name.lower(): name for name in sorted(known)}
    near = get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return f'; did you mean "{by_lower[near[0]]}"?' if near else ""
