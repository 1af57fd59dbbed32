"""A change as the log holds it, and which changes a reader wants: by streams and webhooks alike."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

import asyncpg

from shared.domain.agreement import sla_id
from shared.domain.concern import Concern, may_see
from shared.domain.instant import Instant
from shared.runtime.database import Connection, Pool
from shared.wire.groups import group_of

Source: TypeAlias = "Pool | Connection"
"""Where the log is read."""


class ChangeType(StrEnum):
    """What has happened to a breach, or to the state of a promise."""

    OPENED = "breach.opened"
    CONFIRMED = "breach.confirmed"
    WITHDRAWN = "breach.withdrawn"
    CLOSED = "breach.closed"
    RESTATED = "breach.restated"
    STATE_CHANGED = "state.changed"


@dataclass(frozen=True, slots=True)
class Change:
    """One row of the change log; `body` is the CloudEvent as JSON on one line."""

    seq: int
    at: Instant
    event_id: str
    type: str
    agreement: str
    objective: str
    sla_id: str
    level: str
    customers: Concern
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which changes a reader wants: an empty member asks for nothing.

    `visible_to` are the customers that the reader is restricted to; None is no restriction.
    """

    types: Collection[str] = frozenset()
    agreements: Collection[str] = frozenset()
    objectives: Collection[str] = frozenset()
    sla_ids: Collection[str] = frozenset()
    customers: frozenset[str] = frozenset()
    levels: Collection[str] = frozenset()
    visible_to: frozenset[str] | None = None

    def has(self, change: Change) -> bool:
        """Whether the change is one of those wanted."""
        return (
            (not self.types or change.type in self.types)
            and (not self.agreements or change.agreement in self.agreements)
            and (not self.objectives or change.objective in self.objectives)
            and (not self.sla_ids or change.sla_id in self.sla_ids)
            and (not self.levels or change.level in self.levels)
            and (not self.customers or not self.customers.isdisjoint(change.customers))
            and (self.visible_to is None or may_see(change.customers, self.visible_to))
        )


def is_seen(customers: str, visible_to: frozenset[str] | None) -> bool:
    """Whether a row about these customers (JSON) may be shown to who is restricted to those."""
    return visible_to is None or may_see(group_of(customers), visible_to)


@dataclass(frozen=True, slots=True)
class Head:
    """The last number of the log, and the last one that is not kept any more; 0: none."""

    last: int
    forgotten: int


_HEAD: Final = "SELECT last_seq, forgotten FROM change_head"
_AFTER: Final = """
SELECT seq, at, event_id, type, objective, grp, level, customers, body
FROM change WHERE seq > $1 ORDER BY seq LIMIT $2
"""


async def read_head(source: Source) -> Head:
    """How far the log goes."""
    row = await source.fetchrow(_HEAD)
    return Head(0, 0) if row is None else Head(*row)


async def read_after(source: Source, seq: int, limit: int) -> list[Change]:
    """The next changes after a number, in order."""
    return [_change(row) for row in await source.fetch(_AFTER, seq, limit)]


def _change(row: asyncpg.Record) -> Change:
    agreement, _, objective = row["objective"].partition("/")
    return Change(
        seq=row["seq"],
        at=row["at"],
        event_id=row["event_id"],
        type=row["type"],
        agreement=agreement,
        objective=objective,
        sla_id=sla_id(agreement, objective, group_of(row["grp"])),
        level=row["level"],
        customers=group_of(row["customers"]),
        body=row["body"],
    )
