"""Finding what a report says in the tables, in one snapshot."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Final

import asyncpg
import msgspec

from services.api.answering.answers import group_members, revision_row, window_members
from services.api.answering.reviews import review_form
from services.api.board.sources import Sources
from services.api.reading import sealed
from services.api.reading.kept import read_ledger_from
from services.api.reading.objectives import Objectives, Served
from services.api.reading.reviews import read_reviews_in
from services.api.reading.standing import Standing
from services.api.reading.stored_items import is_about_no_other, read_named, stored_item
from services.api.reports import queries
from services.api.reports.composing import MOST_EXCLUDED, Asked, Found
from services.api.reports.forms import (
    AdjustedBreach,
    ExcludedItem,
    MissingRecords,
    ReportedBreach,
    ReportedWindow,
)
from services.api.reports.gone import read_gone
from services.api.reports.queries import Wish
from services.api.reports.wishes import wish
from services.api.web.problems import Refusal
from shared.domain.agreement import sla_id
from shared.domain.history import ClockKey, History, What, histories
from shared.domain.instant import Instant, format_instant
from shared.domain.plan import Plan
from shared.domain.window import Span
from shared.runtime.database import Connection
from shared.wire.groups import group_of
from shared.wire.results import instant_text, seconds, window_form

MOST_WINDOWS: Final = 5_000
MOST_REVISIONS: Final = 10_000
MOST_BREACHES: Final = 10_000
_FOUND: Final = "found"
_WITHDRAWN: Final = "withdrawn"

_stored_counts: Final = msgspec.json.Decoder(dict[str, int])
_Rows = Sequence[asyncpg.Record]


async def find(
    sources: Sources,
    connection: Connection,
    standing: Standing,
    asked: Asked,
    customers: Sequence[str],
) -> Found:
    """What there is to report; refused where it is too much for one document."""
    keys = [choice.served.key for choice in asked.choices]
    as_of = standing.as_of(keys)
    if as_of is None:
        raise _not_judged(asked)
    wishes = [wish(asked, choice, as_of) for choice in asked.choices]
    is_sealed = await sealed.is_sealed(connection, keys)
    read = _Reading(connection, wishes, customers, is_sealed=is_sealed)
    windows, breaches = await read.windows(), await read.breaches()
    revisions = await read.revisions(windows)
    is_whole = sources.customers is None and _is_whole(asked, customers)
    gone = await read_gone(connection, asked, MOST_WINDOWS) if is_whole else []
    span = _outermost(asked, wishes)
    objectives = sources.objectives
    found = Found(as_of, standing.freshness(as_of, now=sources.clock()))
    found.gone = [own.told for own in gone]
    found.excluded = await _excluded(sources, connection, windows)
    windows = _bounded(
        [*windows, *(row for own in gone for row in own.windows)], MOST_WINDOWS, "windows"
    )
    breaches = _bounded(
        [*breaches, *(row for own in gone for row in own.breaches)], MOST_BREACHES, "breaches"
    )
    found.windows = _windows(objectives, standing, windows, revisions)
    found.breaches = _breaches(objectives, breaches, as_of)
    if is_sealed or gone:
        found.adjusted = _adjusted(objectives, breaches, as_of)
        found.reviews = [
            review_form(row, whole=sources.customers is None)
            for row in await read_reviews_in(connection, asked.agreement.name, asked.span)
        ]
    found.missing = [
        MissingRecords(
            start=format_instant(row["from_time"]),
            until=instant_text(row["until_time"]),
            reason=row["reason"],
            # What those who run Accord wrote is not for one customer alone.
            accepted_by=row["resolved_by"] if sources.customers is None else None,
            why=row["why"] if sources.customers is None else None,
        )
        for row in await queries.read_missing(connection, span)
    ]
    return found


@dataclass(frozen=True, slots=True)
class _Reading:
    """Reads the rows of a report; refuses more than one may have."""

    connection: Connection
    wishes: Sequence[Wish]
    customers: Sequence[str]
    _: KW_ONLY
    is_sealed: bool

    async def windows(self) -> _Rows:
        """The windows, as they are shown."""
        rows = await queries.read_windows(
            self.connection,
            self.wishes,
            self.customers,
            MOST_WINDOWS + 1,
            is_sealed=self.is_sealed,
        )
        return _bounded(rows, MOST_WINDOWS, "windows")

    async def revisions(self, windows: _Rows) -> _Rows:
        """The revisions of windows."""
        rows = await queries.read_revisions(self.connection, windows, MOST_REVISIONS + 1)
        return _bounded(rows, MOST_REVISIONS, "revisions")

    async def breaches(self) -> _Rows:
        """The breaches, also those that are no part of what was sealed."""
        rows = await queries.read_breaches(
            self.connection,
            self.wishes,
            self.customers,
            MOST_BREACHES + 1,
            is_sealed=self.is_sealed,
        )
        return _bounded(rows, MOST_BREACHES, "breaches")


def _is_whole(asked: Asked, customers: Sequence[str]) -> bool:
    """Whether it is asked for all objectives and customers: else none of former documents is."""
    names = {choice.served.name for choice in asked.choices}
    every = all(choice.customer_at is None for choice in asked.choices)
    return not customers and every and names == set(asked.agreement.objective_names)


def _not_judged(asked: Asked) -> Refusal:
    return Refusal(
        kind="not-judged-yet",
        detail=f"{asked.agreement.name}: no evaluator has judged all of its objectives under the "
        "documents as loaded; ask again",
        headers={"retry-after": "1"},
    )


def _bounded(rows: list[asyncpg.Record], most: int, what: str) -> _Rows:
    if len(rows) > most:
        raise Refusal(
            kind="report-too-large",
            detail=f"it would have more than {most} {what}: ask for a shorter period, or for some "
            "objectives (`objective=`) or customers (`customer=`) at a time; /v1/values and "
            "/v1/breaches have all of them, page by page",
        )
    return rows


def _outermost(asked: Asked, wishes: Iterable[Wish]) -> Span:
    """From when until when anything that is reported counts."""
    spans = [asked.span, *(own.opened for own in wishes), *(own.period for own in wishes)]
    return Span(min(own.start for own in spans), max(own.end for own in spans))


def _windows(
    objectives: Objectives, standing: Standing, windows: _Rows, revisions: _Rows
) -> Mapping[str, Sequence[ReportedWindow]]:
    said: dict[tuple[str, str, Instant], list[asyncpg.Record]] = defaultdict(list)
    for row in revisions:
        said[row["objective"], row["grp"], row["window_start"]].append(row)
    found: dict[str, list[ReportedWindow]] = defaultdict(list)
    for row in windows:
        own = said.get((row["objective"], row["grp"], row["window_start"]), ())
        found[row["objective"]].append(
            ReportedWindow(
                **window_members(objectives, standing, row),
                revisions=[revision_row(one) for one in own],
            )
        )
    return found


def _breaches(
    objectives: Objectives, rows: _Rows, as_of: Instant
) -> Mapping[str, Sequence[ReportedBreach]]:
    found: dict[str, list[ReportedBreach]] = defaultdict(list)
    for row in rows:
        if row.get("change") == _FOUND:
            continue
        until = row.get("sealed_at")
        lasting = _lasting(row, row["closed_at"], as_of if until is None else until)
        found[row["objective"]].append(
            ReportedBreach(**_breach_members(objectives, row), **lasting)
        )
    return found


def _adjusted(objectives: Objectives, rows: _Rows, as_of: Instant) -> Sequence[AdjustedBreach]:
    """The breaches that are others now than when their period was sealed."""
    found = []
    for row in rows:
        change = row.get("change")
        if change is None:
            continue
        if change == _WITHDRAWN:
            lasting = _lasting(row, row["closed_at"], row["sealed_at"])
        else:
            lasting = _lasting(row, row["now_closed_at"], as_of)
        # Whose an item's breach is, is said where it was sealed as somebody else's.
        members = _breach_members(objectives, row) | (
            group_members(objectives, row) if row["moved"] else {}
        )
        name = row["objective"].partition("/")[2]
        found.append(AdjustedBreach(**members, **lasting, objective=name, change=change))
    return found


def _lasting(row: asyncpg.Record, closed_at: Instant | None, until: Instant) -> dict[str, Any]:
    """How long a breach lasts; what is open lasts `until` then."""
    lasted = (until if closed_at is None else closed_at) - row["opened_at"]
    return {"closed_at": instant_text(closed_at), "lasted_s": seconds(max(0, lasted))}


def _breach_members(objectives: Objectives, row: asyncpg.Record) -> dict[str, Any]:
    of_window = row["scope"] == "window"
    span = Span(row["window_start"], row["window_end"]) if of_window else None
    whose = group_members(objectives, row) if of_window else {"sla_id": None, "group": None}
    return {
        "scope": row["scope"],
        **whose,
        "window": None if span is None else window_form(span),
        "item": row["item"],
        "cycle": row["cycle"],
        "opened_at": format_instant(row["opened_at"]),
        "breach_id": row["breach_id"],
        "confirmed": row["confirmed"],
        "detected_at": format_instant(row["detected_at"]),
    }


async def _excluded(
    sources: Sources, connection: Connection, windows: _Rows
) -> Sequence[ExcludedItem] | None:
    """The excluded clocks of the windows; None when they are no longer kept."""
    objectives = sources.objectives
    panes = [
        (objectives[row["objective"]].pane_key, row["grp"], row["window_start"], row["window_end"])
        for row in windows
        if _stored_counts.decode(row["counts"]).get("excluded")
    ]
    if not panes:
        return ()
    kept_from = await read_ledger_from(connection)
    if kept_from is not None and min(start for _, _, start, _ in panes) < kept_from:
        return None
    rows = await queries.read_excluded(connection, panes, MOST_EXCLUDED + 1)
    keys = sorted({row["item"] for row in rows[:MOST_EXCLUDED]})
    bodies = await read_named(connection, keys)
    by_pane_key = {served.pane_key: served for served in objectives}
    explaining = _Explaining(sources.plan, by_pane_key, sources.customers)
    return await asyncio.to_thread(explaining.told, rows, bodies)


@dataclass(frozen=True, slots=True)
class _Explaining:
    """Says of excluded clocks what took them out, as far as the caller may see it."""

    plan: Plan
    by_pane_key: Mapping[str, Served]
    customers: frozenset[str] | None

    def told(self, rows: _Rows, bodies: _Rows) -> list[ExcludedItem]:
        """One for each row; `bodies` are those of their items."""
        found = {row["key"]: self._histories(row) for row in bodies}
        told = []
        for row in rows:
            served = self.by_pane_key[row["pane_key"]]
            name, objective = served.agreement.name, served.name
            key = (name, objective, row["cycle"], row["ordinal"])
            told.append(
                ExcludedItem(
                    sla_id=sla_id(name, objective, group_of(row["grp"])),
                    item=row["item"],
                    cycle=row["cycle"],
                    at=format_instant(row["at"]),
                    why=why_excluded(found.get(row["item"], {}).get(key)),
                )
            )
        return told

    def _histories(self, row: asyncpg.Record) -> Mapping[ClockKey, History]:
        """What happened to an item's clocks; nothing where it was about somebody else, too."""
        item = stored_item(self.plan, row)
        if not is_about_no_other(item, self.customers):
            return {}
        return histories(self.plan, item.kind, item.events, now=row["evaluation_time"])


def why_excluded(history: History | None) -> str:
    """What took a clock out of the numbers, in words."""
    happened = (
        [] if history is None else [own for own in history.happened if own.what is What.CANCELLED]
    )
    return f"cancelled: {happened[-1].text}" if happened else "cancelled"
