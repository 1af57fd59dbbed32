"""What an answer says against what a scenario expects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.cli.scenarios.entries import Entry, Part, brief, names
from services.cli.scenarios.facts import Row
from services.cli.scenarios.notation import Times
from shared.documents.problems import Place

Answer = Mapping[str, Sequence[Row]]
"""The one JSON object of `accord evaluate`; its numbers are `int` and `Decimal`."""


@dataclass(frozen=True, slots=True)
class Expected:
    """The rows of one part: all of them in this order, or with `others` these among others."""

    part: Part
    entries: tuple[Entry, ...]
    others: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not as expected; None where nothing was expected, or found.

    `place` is that of the entry, where one is not as expected.
    """

    part: str
    expected: str | None
    found: str | None
    place: Place | None = None


def differences(expected: Expected, answer: Answer, times: Times) -> list[Difference]:
    """All in which the rows of a part are not as expected."""
    part, rows = expected.part, answer[expected.part.member]
    named = names(part, rows, times)
    entries = [entry for entry in expected.entries if not entry.absent]
    pairs = _paired(
        [
            [index for index, row in enumerate(rows) if entry.fits(row, named[index])]
            for entry in entries
        ]
    )
    spare = [index for index in range(len(rows)) if index not in pairs.values()]
    found: list[Difference] = []
    for index, entry in enumerate(entries):
        if index in pairs:
            continue
        nearest = _nearest(entry, rows, [row for row in spare if entry.name in named[row]])
        if nearest is not None:
            spare.remove(nearest)
        told = None if nearest is None else entry.found(rows[nearest])
        found.append(Difference(part, entry.text, told, entry.place))
    if expected.others:
        return found + _not_absent(expected, rows, named, times)
    found.extend(Difference(part, None, brief(part, rows[index], times)) for index in spare)
    return found or _out_of_order(part, entries, rows, named, times)


def _paired(fitting: Sequence[Sequence[int]]) -> dict[int, int]:
    """A row of its own for as many entries as can have one, by augmenting paths."""
    taken: dict[int, int] = {}

    def place(entry: int, seen: set[int]) -> bool:
        for row in fitting[entry]:
            if row not in seen:
                seen.add(row)
                if row not in taken or place(taken[row], seen):
                    taken[row] = entry
                    return True
        return False

    for entry in range(len(fitting)):
        place(entry, set())
    return {entry: row for row, entry in taken.items()}


def _nearest(entry: Entry, rows: Sequence[Row], among: Sequence[int]) -> int | None:
    def held(index: int) -> int:
        return sum(fact.holds(rows[index]) for fact in entry.facts)

    return max(among, key=held, default=None)


def _not_absent(
    expected: Expected, rows: Sequence[Row], named: Sequence[frozenset[str]], times: Times
) -> list[Difference]:
    return [
        Difference(expected.part, entry.text, brief(expected.part, row, times), entry.place)
        for entry in expected.entries
        for index, row in enumerate(rows)
        if entry.absent and entry.name in named[index]
    ]


def _out_of_order(
    part: Part,
    entries: Sequence[Entry],
    rows: Sequence[Row],
    named: Sequence[frozenset[str]],
    times: Times,
) -> list[Difference]:
    for index, (entry, row) in enumerate(zip(entries, rows, strict=True)):
        if not entry.fits(row, named[index]):
            place = f"as number {index + 1} of the list"
            told = f"{brief(part, row, times)}, {place}"
            return [Difference(part, f"{entry.text}, {place}", told, entry.place)]
    return []
