"""What the API said against what `evaluate` says: a list of differences for people to read. Pure.

Both sides are JSON objects of the contract (section 5) with exact numbers. Members that only the
API has (`since`, `revision`, `explain`, …) are not compared. `final` may wait for the allowed
disorder: of windows in `waiting`, and of those that it calls provisional, the API may say false
where `evaluate` says true. Of a window in a sealed period, what the API says it would be now
(`adjusted`) is compared.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

Row = Mapping[str, object]

WindowKey = tuple[str, str]
"""A window of a group: its sla_id, and the start of the window as text."""

_ABSENT: Final = "(absent)"
_SPAN: Final = ("opened_at", "closed_at")
_BREACH_MEMBERS: Final = {
    "item": ("scope", "agreement", "objective", "item", "cycle", *_SPAN),
    "window": ("scope", "sla_id", "agreement", "objective", "group", "window", *_SPAN),
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One member of one thing that the two sides do not agree on."""

    where: str
    member: str
    said: object
    evaluated: object

    def __str__(self) -> str:
        """The line that people read."""
        return f"{self.where}: {self.member}: API {self.said!r}, evaluate {self.evaluated!r}"


def compare_windows(
    place: str, said: Iterable[Row], evaluated: Iterable[Row], *, waiting: Collection[WindowKey]
) -> list[Difference]:
    """Rows of `objectives[]`, matched by sla_id and the start of the window."""
    ours = {window_key(row): row for row in evaluated}
    differences: list[Difference] = []
    seen: set[WindowKey] = set()
    for row in map(_unsealed, said):
        key = window_key(row)
        if _has_gone(row) and (key not in ours or ours[key]["window"] != row["window"]):
            continue
        where = f"{place} {key[0]} [{key[1]}"
        if key in seen:
            differences.append(Difference(where, "window", "said twice", "once"))
        seen.add(key)
        if key not in ours:
            differences.append(Difference(where, "window", "listed", _ABSENT))
            continue
        differences += _members(where, row, ours[key], may_wait=key in waiting)
    differences += [
        Difference(f"{place} {key[0]} [{key[1]}", "window", _ABSENT, "listed")
        for key in ours
        if key not in seen
    ]
    return differences


def _unsealed(row: Row) -> Row:
    """A window by the numbers of now, where those that a review has sealed are shown."""
    adjusted = row.get("adjusted")
    return {**row, **adjusted} if isinstance(adjusted, Mapping) else row


def _has_gone(row: Row) -> bool:
    """Whether it is listed for what was sealed alone: it has no data any more, or never had."""
    return row.get("sealed") is not None and row.get("state") == "no_data"


def compare_clocks(item: str, said: Sequence[Row], evaluated: Sequence[Row]) -> list[Difference]:
    """The clocks of one item: the same ones in the same order."""
    where = f"item {item}"
    if len(said) != len(evaluated):
        return [Difference(where, "clocks", _clock_names(said), _clock_names(evaluated))]
    return [
        difference
        for number, (row, our) in enumerate(zip(said, evaluated, strict=True), start=1)
        for difference in _members(f"{where} clock {number} {_clock_name(our)}", row, our)
    ]


def compare_breaches(said: Iterable[Row], evaluated: Iterable[Row]) -> list[Difference]:
    """Breaches as a collection: each exactly as often on both sides."""
    theirs = Counter(breach_text(row) for row in said if row.get("withdrawn_at") is None)
    ours = Counter(breach_text(row) for row in evaluated)
    texts = sorted(theirs.keys() | ours.keys())
    return [
        Difference(f"breach {text}", "times", theirs[text], ours[text])
        for text in texts
        if theirs[text] != ours[text]
    ]


def breach_text(row: Row) -> str:
    """What tells one breach from another, its end included, as one line."""
    members = _BREACH_MEMBERS.get(str(row.get("scope")), ("scope",))
    return " ".join(_plain(row.get(member)) for member in members)


def _members(where: str, said: Row, our: Row, *, may_wait: bool = False) -> list[Difference]:
    return [
        Difference(where, member, said.get(member, _ABSENT), expected)
        for member, expected in our.items()
        if not _same(said.get(member, _ABSENT), expected)
        and not (member == "final" and _waits(said, may_wait=may_wait))
    ]


def _waits(said: Row, *, may_wait: bool) -> bool:
    """Whether it may be final later: late events have changed it, which have to settle first."""
    return said.get("final") is False and (may_wait or said.get("provisional") is True)


def _same(said: object, expected: object) -> bool:
    # True == 1 in Python; in JSON they differ.
    return said == expected and isinstance(said, bool) == isinstance(expected, bool)


def window_key(row: Row) -> WindowKey:
    """What a row of `objectives[]` is matched by."""
    window = row["window"]
    if not isinstance(window, Mapping):
        message = f"a row without a window: {row}"
        raise TypeError(message)
    return str(row["sla_id"]), str(window["start"])


def _clock_name(row: Row) -> str:
    return f"{row.get('agreement')}/{row.get('objective')} cycle {row.get('cycle')}"


def _clock_names(rows: Iterable[Row]) -> list[str]:
    return [_clock_name(row) for row in rows]


def _plain(value: object) -> str:
    if isinstance(value, Mapping):
        return "/".join(f"{name}={inner}" for name, inner in value.items()) or "-"
    return "open" if value is None else str(value)
