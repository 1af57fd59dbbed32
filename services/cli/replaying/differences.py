"""What was stored against what was rebuilt: counted by the database, the first ones read."""

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple, TypeAlias

import asyncpg

from services.cli.replaying.compared import BREACHES, ITEMS, LEDGER, VALUES, Compared
from services.cli.replaying.shadow import Session, Shadow
from services.cli.replaying.snapshot import Snapshot
from shared.domain.contribution import Contribution
from shared.domain.event import Event
from shared.domain.instant import Instant, format_instant
from shared.runtime.conventions import RUNNING_PANE
from shared.wire.stored_item import UnreadableItemError, unpack_events, unpack_item

SHOWN: Final = 20
_AT_ONCE: Final = 200
_INSTANTS: Final = frozenset(
    ("pane_start", "window_start", "window_end", "at", "opened_at", "closed_at", "next_due")
)
_Posted: TypeAlias = tuple[Contribution, Instant, bool]
_ABSENT: Final = "(absent)"


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that the two sides do not agree on; a side of None has no such row.

    Both sides hold the members that differ, as text; `events` those of the item, where it is of
    one. `brief` is what each side says of a window or a breach, in a word or two.
    """

    kind: str
    key: Mapping[str, str]
    stored: Mapping[str, str] | None
    rebuilt: Mapping[str, str] | None
    events: tuple[str, ...] = ()
    brief: tuple[str, str] = ("", "")

    @property
    def members(self) -> list[tuple[str, str, str]]:
        """Each member that differs: its name, as stored, as rebuilt."""
        names = {**(self.stored or {}), **(self.rebuilt or {})}
        stored, rebuilt = self.stored or {}, self.rebuilt or {}
        return [(name, stored.get(name, _ABSENT), rebuilt.get(name, _ABSENT)) for name in names]


class Sort(NamedTuple):
    """What differences are counted by: the kind of row, its objective, and what became of it.

    `how` is `new` (rebuilt only), `gone` (stored only), `state` (a value whose state differs) or
    `changed`.
    """

    kind: str
    objective: str
    how: str


@dataclass(frozen=True, slots=True)
class Found:
    """The differences of a replay: how many of each sort, and the first of them."""

    tally: Mapping[Sort, int]
    first: Sequence[Difference]

    @property
    def total(self) -> int:
        """How many there are."""
        return sum(self.tally.values())


async def find_differences(
    shadow: Shadow, kinds: Iterable[Compared], snapshot: Snapshot, *, each: int = SHOWN
) -> Found:
    """Compare kind by kind; windows of objectives that wait to be judged are left out.

    At most `each` of a kind are read, and SHOWN in all.
    """
    tally: Counter[Sort] = Counter()
    first: list[Difference] = []
    for own in kinds:
        told = 0
        async for row in _joined(shadow, own, snapshot.waiting):
            if own is ITEMS and _mean_the_same(row, snapshot):
                continue
            tally[_sort(own, row)] += 1
            if len(first) < SHOWN and told < each:
                told += 1
                first.append(_difference(own, row, snapshot))
    with_events = [await _with_events(shadow, own) for own in first]
    return Found(tally, with_events)


async def _joined(
    shadow: Shadow, own: Compared, waiting: Sequence[str]
) -> AsyncIterator[asyncpg.Record]:
    """The rows of both sides that are not alike, in the order of their keys."""
    left = ", ".join(f"l.{name} AS l_{name}" for name in own.values)
    right = ", ".join(f"r.{name} AS r_{name}" for name in own.values)
    same = " AND ".join(f"l.{name} IS NOT DISTINCT FROM r.{name}" for name in own.values)
    keys = ", ".join(own.keys)
    skipped = f"AND NOT ({own.waits} AND objective = ANY($1))" if own.waits != "false" else ""
    query = f"""
SELECT {keys}, l.present AS l_present, r.present AS r_present, {left}, {right}
FROM (SELECT *, true AS present FROM {shadow.name}.{own.stored}) l
FULL JOIN (SELECT *, true AS present FROM {shadow.name}.{own.rebuilt}) r USING ({keys})
WHERE NOT (l.present IS NOT NULL AND r.present IS NOT NULL AND {same}) {skipped}
ORDER BY {own.order} {keys}
"""  # noqa: S608 - our own names
    arguments = [list(waiting)] if skipped else []
    async with shadow.session.transaction(readonly=True):
        async for row in shadow.session.cursor(query, *arguments, prefetch=_AT_ONCE):
            yield row


def _sort(own: Compared, row: asyncpg.Record) -> Sort:
    objective = row["objective"] if "objective" in own.keys else ""
    if row["l_present"] is None:
        return Sort(own.name, objective, "new")
    if row["r_present"] is None:
        return Sort(own.name, objective, "gone")
    changed = own.name == VALUES.name and row["l_state"] != row["r_state"]
    return Sort(own.name, objective, "state" if changed else "changed")


def _mean_the_same(row: asyncpg.Record, snapshot: Snapshot) -> bool:
    """Whether two items differ only in how they came to be what they are.

    Their contributions may have been posted in another order, for another generation. Documents
    that are no longer in use may have left an item due earlier: it is looked at once more then.
    """
    if row["l_body"] is None or row["r_body"] is None or row["l_part"] != row["r_part"]:
        return False
    due, ours_due = row["l_next_due"], row["r_next_due"]
    is_early = due is not None and due > snapshot.evaluation_time(row["l_part"])
    is_early = is_early and (ours_due is None or due < ours_due)
    if due != ours_due and not (is_early and snapshot.has_others):
        return False
    try:
        events, posted = _unpacked(row, "l_", snapshot)
    except UnreadableItemError:
        return False
    return (events, posted) == _unpacked(row, "r_", None)


def _unpacked(
    row: asyncpg.Record, side: str, snapshot: Snapshot | None
) -> tuple[list[Event], Counter[_Posted]]:
    """The events of an item, and what is posted of it for the documents in use: where to."""
    events, posted = unpack_item(row["key"], row[f"{side}body"])
    return events, Counter(
        (own, placed.pane_start, placed.bucketed)
        for own, placed in posted
        if snapshot is None or snapshot.is_in_use(own, placed.built)
    )


def _difference(own: Compared, row: asyncpg.Record, snapshot: Snapshot) -> Difference:
    key = {name: _text(name, row[name]) for name in own.keys}
    stored, rebuilt = _side(own, row, "l_"), _side(own, row, "r_")
    if stored is not None and rebuilt is not None:
        unlike = [name for name in own.values if row[f"l_{name}"] != row[f"r_{name}"]]
        stored = {name: stored[name] for name in unlike if name != "body"}
        rebuilt = {name: rebuilt[name] for name in unlike if name != "body"}
        if "body" in unlike:
            _tell_bodies(row, snapshot, stored, rebuilt)
    if own is BREACHES:
        whole = _side(own, row, "l_" if row["l_present"] else "r_") or {}
        key |= {name: whole[name] for name in ("item", "cycle", "grp") if whole[name] != "none"}
    return Difference(
        own.name, key, stored, rebuilt, (), (_brief(own, row, "l_"), _brief(own, row, "r_"))
    )


def _brief(own: Compared, row: asyncpg.Record, mark: str) -> str:
    if row[f"{mark}present"] is None:
        return "-"
    if own.name == VALUES.name:
        value = row[f"{mark}value"]
        return row[f"{mark}state"] if value is None else f"{row[f'{mark}state']} {value}"
    if own is BREACHES:
        closed = row[f"{mark}closed_at"]
        return "open" if closed is None else f"closed {format_instant(closed)}"
    return ""


def _side(own: Compared, row: asyncpg.Record, mark: str) -> dict[str, str] | None:
    if row[f"{mark}present"] is None:
        return None
    return {name: _text(name, row[mark + name]) for name in own.values if name != "body"}


def _tell_bodies(
    row: asyncpg.Record, snapshot: Snapshot, stored: dict[str, str], rebuilt: dict[str, str]
) -> None:
    """Say of two bodies what only one of them holds."""
    try:
        events, posted = _unpacked(row, "l_", snapshot)
    except UnreadableItemError as error:
        stored["body"], rebuilt["body"] = str(error), "readable"
        return
    ours, placed = _unpacked(row, "r_", None)
    if events != ours:
        stored["events"] = _listed([event_text(event) for event in events if event not in ours])
        rebuilt["events"] = _listed([event_text(event) for event in ours if event not in events])
    if posted != placed:
        stored["posted"] = _listed(sorted(map(_posted_text, posted - placed)))
        rebuilt["posted"] = _listed(sorted(map(_posted_text, placed - posted)))


def _posted_text(posted: _Posted) -> str:
    own, pane, _ = posted
    at = "running" if own.at is None else f"{own.outcome} {format_instant(own.at)}"
    return f"{own.agreement}/{own.objective} {at} in the pane {_text('pane_start', pane)}"


def _listed(texts: Sequence[str]) -> str:
    return "; ".join(texts) or "(no more than the other)"


async def _with_events(shadow: Shadow, own: Difference) -> Difference:
    item = own.key.get("key") if own.kind == ITEMS.name else None
    if own.kind in (LEDGER.name, BREACHES.name):
        item = own.key.get("item")
    if item is None:
        return own
    events = tuple(map(event_text, await _events(shadow.session, shadow.name, item)))
    return replace(own, events=events)


async def _events(session: Session, schema: str, item: str) -> list[Event]:
    """The events of an item as rebuilt, else as stored."""
    for table in ("item", ITEMS.stored):
        query = f"SELECT body FROM {schema}.{table} WHERE key = $1"  # noqa: S608 - our own names
        body = await session.fetchval(query, item)
        if body is not None:
            try:
                return unpack_events(item, body)
            except UnreadableItemError:
                continue
    return []


def event_text(event: Event) -> str:
    """An event in a line: when, what, which."""
    text = f"{format_instant(event.time)} {event.type} {event.source} {event.id}"
    return f"{text} replaces {event.replaces}" if event.replaces is not None else text


def _text(name: str, value: object) -> str:
    if value is None:
        return "none"
    if name in _INSTANTS and isinstance(value, int):
        return "running" if value == RUNNING_PANE else format_instant(value)
    if isinstance(value, bytes):
        return f"{len(value)} bytes {value[:40]!r}"
    return str(value).lower() if isinstance(value, bool) else str(value)
