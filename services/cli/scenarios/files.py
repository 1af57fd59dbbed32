"""Scenario files, read strictly: everything that is wrong with them has its file and line."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

from services.cli.scenarios.entries import Entry, Part, entry
from services.cli.scenarios.fields import (
    FILE,
    Said,
    WrittenFile,
    WrittenReading,
    WrittenScenario,
)
from services.cli.scenarios.inline import full_document
from services.cli.scenarios.matching import Expected
from services.cli.scenarios.notation import Times
from services.cli.scenarios.timeline import EventLine, event_lines
from shared.documents import Loaded, Problem, load
from shared.documents.catalogue import load_nodes
from shared.documents.files import find, read_text
from shared.documents.loader import MapNode, parse
from shared.documents.problems import InvalidDocument, Place, refused
from shared.documents.reader import Placed, gathered
from shared.domain.instant import Instant
from shared.wire.cloudevents import END_OF_TIME, FIRST_INSTANT

P = ParamSpec("P")
T = TypeVar("T")
OTHERS: Final = "..."
"""The entry that says: and others."""


@dataclass(frozen=True, slots=True)
class ExpectedReading:
    """What must hold at one instant; of a part that is not named nothing is expected."""

    at: Instant
    parts: tuple[Expected, ...]
    rejected: int | tuple[int, ...] = 0
    all_windows: bool = False


@dataclass(frozen=True, slots=True)
class Scenario:
    """One timeline and what must hold along it.

    `documents` are those that the file holds itself, in full. Where they must be `refused`, the
    reason contains that text.
    """

    it: str
    place: Place
    times: Times
    loaded: Loaded
    documents: tuple[MapNode, ...]
    events: tuple[EventLine, ...]
    readings: tuple[ExpectedReading, ...]
    refused: str | None = None

    @property
    def lines(self) -> list[bytes]:
        """The events as the lines of an NDJSON file."""
        return [event.text.encode() for event in self.events]


@dataclass(frozen=True, slots=True)
class ScenarioFile:
    """The scenarios of one file."""

    path: Path
    scenarios: tuple[Scenario, ...]


def read_files(path: Path) -> tuple[list[ScenarioFile], list[Problem]]:
    """The scenario files of a path (a folder recursively), and all that is wrong with them."""
    found: list[ScenarioFile] = []
    files = find(path)
    problems = set(files.problems)
    for one in files.paths:
        try:
            found.append(read_file(one))
        except InvalidDocument as error:
            problems.update(error.problems)
    return found, sorted(problems)


def read_file(path: Path) -> ScenarioFile:
    """Read one file; `InvalidDocument` with everything that is wrong with it."""
    file = str(path)
    text = read_text(path, file)
    nodes, problems = parse(text, file)
    if problems:
        raise InvalidDocument(problems)
    if len(nodes) != 1:
        raise refused(Place(file, 1, 1), "a scenario file holds one YAML document")
    if isinstance(nodes[0], MapNode) and "apiVersion" in nodes[0].members:
        message = "this is a document, no scenario file; keep each in a folder of its own"
        raise refused(nodes[0].place, message)
    written = FILE.read(nodes[0])
    if written.agreements is not None and written.documents:
        message = 'write "agreements" or "documents", not both'
        raise refused(written.agreements.place, message)
    return ScenarioFile(path, _Resolver(path, written, text.splitlines()).scenarios())


class _Resolver:
    """Turns what a file says into scenarios."""

    def __init__(self, path: Path, written: WrittenFile, lines: list[str]) -> None:
        self._path = path
        self._file = written
        self._lines = lines
        self._agreements: Loaded | None = None

    def scenarios(self) -> tuple[Scenario, ...]:
        first: dict[str, Place] = {}
        found: list[Scenario] = []
        problems: set[Problem] = set()
        for one in self._file.scenarios:
            before = first.setdefault(one.it.value, one.it.place)
            if before is not one.it.place:
                message = f"it: there is a scenario of this name on line {before.line} already"
                problems.add(Problem(one.it.place, message))
            try:
                found.append(self._scenario(one))
            except InvalidDocument as error:
                problems.update(error.problems)
        if problems:
            raise InvalidDocument(sorted(problems))
        return tuple(found)

    def _scenario(self, written: WrittenScenario) -> Scenario:
        times = Times(written.date or self._file.date, written.time_zone or self._file.time_zone)
        documents, loaded = self._documents(written, times)
        steps = _Steps()
        if written.refused is None and loaded.catalogue is None:
            steps.problems.extend(loaded.problems)
        events = steps.run(self._events, written, times)
        readings = [steps.run(self._reading, one, written, times) for one in self._said(written)]
        steps.finish()
        return Scenario(
            written.it.value,
            written.it.place,
            times,
            loaded,
            documents,
            tuple(events or ()),
            tuple(reading for reading in readings if reading is not None),
            written.refused,
        )

    def _documents(
        self, written: WrittenScenario, times: Times
    ) -> tuple[tuple[MapNode, ...], Loaded]:
        given = () if written.alone else self._file.documents
        own = tuple(full_document(one, times) for one in (*given, *written.documents))
        agreements = self._file.agreements
        if own or agreements is None:
            return own, load_nodes(own)
        if self._agreements is None:
            self._agreements = load(self._path.parent / agreements.value)
        return (), self._agreements

    def _events(self, written: WrittenScenario, times: Times) -> list[EventLine]:
        events = written.events
        if events is None:
            return []
        place = events.place
        # What follows a `|` stands line by line; of a text in quotes only the place is known.
        is_block = self._lines[place.line - 1][place.column - 1 :].startswith("|")

        def line(index: int) -> Place:
            return Place(place.file, place.line + 1 + index, 1) if is_block else place

        return event_lines(events.value, times, line)

    def _said(self, written: WrittenScenario) -> list[WrittenReading]:
        own = written.own
        if written.refused is not None:
            if own.says_something or written.readings:
                message = 'of documents that are "refused" nothing else can be expected'
                raise refused(written.it.place, message)
            return []
        readings = [*((own,) if own.says_something else ()), *written.readings]
        for one in readings or (own,):
            if not one.says_something:
                message = "nothing is expected; add clocks, windows, breaches or rejected"
                raise refused(one.node.place, message)
        return readings

    def _reading(
        self, one: WrittenReading, written: WrittenScenario, times: Times
    ) -> ExpectedReading:
        at = one.at or written.own.at or self._file.at
        if at is None:
            raise refused(one.node.place, f'"{written.it.value}" needs "at": when to evaluate')
        steps = _Steps()
        now = steps.run(_instant, at, times)
        parts = {Part.CLOCKS: one.clocks, Part.WINDOWS: one.windows, Part.BREACHES: one.breaches}
        expected = [
            steps.run(_expected, part, said, times)
            for part, said in parts.items()
            if said is not None
        ]
        steps.finish()
        rejected = one.rejected if one.rejected is not None else written.own.rejected
        return ExpectedReading(
            now or 0,
            tuple(part for part in expected if part is not None),
            rejected or 0,
            all_windows=one.all_windows or written.own.all_windows,
        )


class _Steps:
    """Steps of which each may fail; what is wrong with all of them is raised at the end."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def run(self, step: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """What the step gives, None where it fails."""
        try:
            return step(*args, **kwargs)
        except InvalidDocument as error:
            self.problems.extend(error.problems)
            return None

    def finish(self) -> None:
        """Raise what has been found wrong."""
        if self.problems:
            raise InvalidDocument(self.problems)


def _instant(at: Placed[str], times: Times) -> Instant:
    try:
        instant = times.instant(at.value)
    except ValueError as error:
        raise refused(at.place, f"at: {error}") from error
    if not FIRST_INSTANT <= instant < END_OF_TIME:
        raise refused(at.place, f"at: {at.value} lies outside the years 1900 to 9998")
    return instant


def _expected(part: Part, said: Iterable[Said], times: Times) -> Expected:
    rows = list(said)
    others = bool(rows) and rows[-1].who == OTHERS
    entries = gathered(lambda one: _entry(part, one, times), rows[:-1] if others else rows)
    return Expected(part, entries, others)


def _entry(part: Part, said: Said, times: Times) -> Entry:
    if said.who == OTHERS:
        raise refused(said.place, f'{part}: "{OTHERS}" stands last')
    try:
        return entry(part, said.who, said.facts, times, said.place)
    except ValueError as error:
        raise refused(said.place, f"{part}: {error}") from error
