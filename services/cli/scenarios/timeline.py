"""The events of a scenario: one a line, turned into the lines of an NDJSON file."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from services.cli.scenarios.notation import SHORT, Times, written_out
from shared.documents.problems import InvalidDocument, Place, Problem, did_you_mean

_TIME: Final = re.compile(rf"{SHORT}(?=\s)|\S+", re.ASCII)
_WORD: Final = re.compile(r'\s+(#.*|[^\s="]+="(?:[^"\\]|\\.)*"|\S+)')
_SHAPE: Final = "time, item, what happens, attributes, like 09:00 T-1 created priority=p1"
_SOURCE: Final = "/scenario"
_ITEM: Final = "ticket"
_MEMBERS: Final = frozenset({"id", "source", "replaces", "sequence"})


@dataclass(frozen=True, slots=True)
class EventLine:
    """One line of NDJSON, and where the scenario says it."""

    text: str
    place: Place


def event_lines(text: str, times: Times, places: Callable[[int], Place]) -> list[EventLine]:
    """The events of a text whose lines (from 0) stand at `places`; `InvalidDocument` otherwise."""
    found: list[EventLine] = []
    problems: list[Problem] = []
    for index, line in enumerate(text.split("\n")):
        written = line.strip()
        if not written or written.startswith("#"):
            continue
        place = places(index)
        try:
            own = _written(written, times, len(found))
        except ValueError as error:
            problems.append(Problem(place, f"events: {error}"))
        else:
            found.extend(EventLine(one, place) for one in own)
    if problems:
        raise InvalidDocument(problems)
    return found


def _written(line: str, times: Times, before: int) -> list[str]:
    if line.startswith("="):
        return [line[1:].strip()]
    found = _TIME.match(line)
    time = found[0] if found else ""
    when, rest = written_out(time, times), line[len(time) :]
    words = [word for word in _WORD.findall(rest) if not word.startswith("#")]
    if len(words) < 2 or any("=" in word for word in words[:2]):  # noqa: PLR2004 - item and what
        message = f'"{line}" is not an event; write {_SHAPE}'
        raise ValueError(message)
    items, what, *pairs = words
    if not all(item.rpartition(":")[2] for item in items.split(",")):
        message = f'"{items}" has an item without a name'
        raise ValueError(message)
    members, data = _pairs(pairs)
    return [
        _line({**_envelope(item, what), "time": when, **members}, data, number)
        for number, item in enumerate(items.split(","), before + 1)
    ]


def _envelope(item: str, what: str) -> dict[str, str]:
    kind, colon, subject = item.partition(":")
    if not colon:
        kind, subject = _ITEM, item
    return {"source": _SOURCE, "type": f"{kind}.{what}", "subject": subject}


def _line(event: dict[str, str], data: str, number: int) -> str:
    whole = {"specversion": "1.0", "id": f"line-{number:06}", **event}
    # Data keep their digits: 1.0 is not sent as 1, nor 0.1 as a float.
    return f'{json.dumps(whole, ensure_ascii=False)[:-1]}, "data": {data}}}'


def _pairs(words: list[str]) -> tuple[dict[str, str], str]:
    """The members of the event itself (`@id=x`), and the JSON text of its data."""
    members: dict[str, str] = {}
    data: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not (equals and name.removeprefix("@")):
            message = f'"{word}" is not name=value'
            raise ValueError(message)
        if name in data or name.removeprefix("@") in members:
            message = f'"{name}" stands twice'
            raise ValueError(message)
        if name.startswith("@"):
            members[_member(name)] = value
        else:
            data[name] = _json_text(value)
    pairs = (f"{json.dumps(name)}: {value}" for name, value in data.items())
    return members, "{" + ", ".join(pairs) + "}"


def _member(name: str) -> str:
    """An extension may have any name; a slip in one that means something is told."""
    plain = name.removeprefix("@")
    if plain not in _MEMBERS and (hint := did_you_mean(plain, _MEMBERS)):
        message = f'"{name}" is no member of an event that Accord reads{hint}'
        raise ValueError(message)
    return plain


def _json_text(value: str) -> str:
    """A value as written where it is JSON, else as the text it is."""
    try:
        msgspec.json.decode(value)
    except msgspec.DecodeError:
        return json.dumps(value)
    return value
