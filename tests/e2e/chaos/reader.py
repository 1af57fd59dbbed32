"""A reader that looks at the database and the API five times a second and believes nothing.

Every look is one snapshot. What it holds against the one before: no number of progress ever goes
back, revisions only grow, what was confirmed stands unless an event came for it, nothing is passed
that still waits, and the ledger, entry by entry, is what the panes say.
"""

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import asyncpg
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from services.cli.api_client import Api, ApiError
from services.cli.trial import Trial
from shared.domain.instant import MINUTE, SECOND, Instant, format_instant, parse_instant
from shared.domain.measure import UNIT, Measure
from shared.runtime.config import driver_url
from shared.runtime.database import PASSING
from shared.runtime.wall_clock import system_clock
from shared.wire.pane_keys import pane_key
from tests.e2e.chaos.feeder import Acknowledged, Feeder

LOOK_S: Final = 0.2
_SUMS_EVERY: Final = 4
_UNKNOWN_LOOKS: Final = 6
"""So many looks one after the other without a committed offset mean that there is none."""
_SHOWN: Final = 20
_DISORDER: Final = 5 * MINUTE
"""How far a watermark stays behind: said again here, so that a change of it is noticed."""
_STALE_AFTER: Final = 75 * SECOND
"""PT1M, and what an answer may take."""
_COUNTS: Final = tuple(name for name in Measure._fields if name not in {"running", "amount"})

_PROGRESS: Final = """
SELECT part, epoch, next_offset, evaluation_time, watermark FROM partition_progress
"""
_JUDGED: Final = "SELECT objective, as_of FROM judgement"
_VALUES: Final = "SELECT objective, grp, window_start, window_end, final, revision FROM value"
_BREACHES: Final = """
SELECT breach_id, scope, part, objective, item, opened_at, confirmed, withdrawn_at, announcements
FROM breach
"""
_REVISIONS: Final = "SELECT count(*), coalesce(sum(revision), 0) FROM value_revision"


def _sums() -> str:
    """The ledger's sums by column, beside the panes'."""
    columns = ", ".join(
        f"sum(sign * CASE outcome {_cases(name)} ELSE 0 END) AS {name}" for name in _COUNTS
    )
    differs = " OR ".join(f"coalesce(l.{name}, 0) <> coalesce(p.{name}, 0)" for name in _COUNTS)
    return f"""
SELECT objective, grp, pane_start, part FROM (
    SELECT objective, grp, pane_start, part, {columns} FROM ledger GROUP BY 1, 2, 3, 4
) l FULL JOIN pane p USING (objective, grp, pane_start, part)
WHERE objective = ANY($1::text[]) AND ({differs}) LIMIT 5
"""  # noqa: S608 - our own column names


async def _keys(database: "asyncpg.Connection[asyncpg.Record]") -> list[str]:
    """Of the panes that are in use or being built: what was in use before is taken away."""
    rows = await database.fetch(
        "SELECT built FROM generation WHERE state IN ('current', 'building')"
    )
    return [pane_key(*pair) for row in rows for pair in json.loads(row["built"]).items()]


def _cases(name: str) -> str:
    column = Measure._fields.index(name)
    return " ".join(f"WHEN '{outcome.value}' THEN {unit[column]}" for outcome, unit in UNIT.items())


_TWICE: Final = """
SELECT objective, item, cycle, ordinal, outcome, sum(sign) AS times FROM ledger
GROUP BY objective, grp, pane_start, at, outcome, item, cycle, ordinal, amount, part
HAVING sum(sign) NOT IN (0, 1) LIMIT 5
"""


@dataclass(slots=True)
class Seen:
    """What the last look found, to hold the next one against."""

    progress: dict[int, tuple[int, ...]] = field(default_factory=dict)
    judged: dict[object, Instant] = field(default_factory=dict)
    revisions: dict[tuple[object, ...], int] = field(default_factory=dict)
    said: tuple[int, int] = (0, 0)
    breaches: dict[str, asyncpg.Record] = field(default_factory=dict)
    confirmed_from: dict[str, Instant] = field(default_factory=dict)
    """The last watermark of its part at which a breach was not confirmed yet."""
    told_as_of: Instant = 0


class Reader:
    """Looks until told to stop; `wrong` says what must not have been seen."""

    def __init__(self, trial: Trial, api_url: str, feeder: Feeder) -> None:
        """`feeder` knows what was sent, and when it was there."""
        self._trial = trial
        self._api = Api(api_url)
        self._feeder = feeder
        self._seen = Seen()
        self._unknown: dict[TopicPartition, int] = {}
        self.looks = 0
        self.answers = 0
        self.wrong: list[str] = []
        self._told: set[str] = set()
        self._taken_back: list[tuple[str, str | None, Instant]] = []
        self.documents_changed = False
        """Whether other documents may explain what no event does."""
        self.grown: dict[str, int] = {}
        """Topics that have grown, by their number of partitions before: the new ones are not
        looked up at once."""

    async def run(self, stopping: asyncio.Event) -> None:
        """Look until told to stop; while the database is away there is nothing to see."""
        try:
            while not stopping.is_set():
                with suppress(*PASSING):
                    await self._look_while_it_lasts(stopping)
                await asyncio.sleep(LOOK_S)
        finally:
            self._api.__exit__(None, None, None)

    async def _look_while_it_lasts(self, stopping: asyncio.Event) -> None:
        url = driver_url(self._trial.system.database_url)
        database = await asyncpg.connect(url, timeout=5, command_timeout=20)
        try:
            while not stopping.is_set():
                begun = asyncio.get_running_loop().time()
                async with database.transaction(isolation="repeatable_read", readonly=True):
                    await self._look(database)
                self.looks += 1
                await asyncio.to_thread(self._ask)
                if self.looks % _SUMS_EVERY == 0:
                    await self._look_at_proofs()
                rest = LOOK_S - (asyncio.get_running_loop().time() - begun)
                await asyncio.sleep(max(0.0, rest))
        finally:
            database.terminate()

    async def _look(self, database: "asyncpg.Connection[asyncpg.Record]") -> None:
        progress = await database.fetch(_PROGRESS)
        self._progress(progress)
        watermarks = {row["part"]: row["watermark"] for row in progress}
        self._judged(await database.fetch(_JUDGED))
        self._values(await database.fetch(_VALUES), min(watermarks.values(), default=0))
        self._breaches(await database.fetch(_BREACHES), watermarks)
        row = await database.fetchrow(_REVISIONS)
        if row is not None:
            said = (int(row[0]), int(row[1]))
            if said < self._seen.said:
                self._tell(f"revisions went from {self._seen.said} to {said}")
            self._seen.said = said
        if self.looks % _SUMS_EVERY == 0:
            for differing in await database.fetch(_sums(), await _keys(database)):
                self._tell(f"ledger and pane differ: {tuple(differing)}")
            for twice in await database.fetch(_TWICE):
                self._tell(f"the ledger counts twice or takes back too much: {tuple(twice)}")

    def _progress(self, rows: list[asyncpg.Record]) -> None:
        now = system_clock()
        for row in rows:
            part, *numbers = row
            before = self._seen.progress.get(part, (0, 0, 0, 0))
            names = ("epoch", "next_offset", "evaluation_time", "watermark")
            for name, was, number in zip(names, before, numbers, strict=True):
                if number < was:
                    self._tell(f"{name} of partition {part} went back from {was} to {number}")
            self._seen.progress[part] = tuple(numbers)
            if row["evaluation_time"] > now:
                self._tell(f"partition {part} is ahead of the clock: {row['evaluation_time']}")
            if row["watermark"] > now - _DISORDER:
                self._tell(f"the watermark of {part} leaves no time for disorder")

    def _judged(self, rows: list[asyncpg.Record]) -> None:
        least = min((numbers[2] for numbers in self._seen.progress.values()), default=0)
        for row in rows:
            objective, as_of = row
            if as_of < self._seen.judged.get(objective, 0):
                self._tell(f"as_of of {objective} went back to {as_of}")
            if as_of > least:
                self._tell(f"{objective} is judged as of {as_of}, evaluated up to {least}")
            self._seen.judged[objective] = as_of

    def _values(self, rows: list[asyncpg.Record], watermark: Instant) -> None:
        for row in rows:
            *window, end, final, revision = row
            key = tuple(window)
            if revision < self._seen.revisions.get(key, 0):
                self._tell(f"the revision of {key} went back to {revision}")
            if final and end > watermark:
                self._tell(f"{key} is final, the watermark {watermark} has not passed its end")
            self._seen.revisions[key] = revision

    def _breaches(self, rows: list[asyncpg.Record], watermarks: Mapping[int, Instant]) -> None:
        everywhere = min(watermarks.values(), default=0)
        for row in rows:
            name, watermark = row["breach_id"], watermarks.get(row["part"], everywhere)
            before = self._seen.breaches.get(name)
            if row["confirmed"] and row["opened_at"] > watermark:
                self._tell(f"breach {name} is confirmed ahead of its watermark {watermark}")
            if before is not None:
                if row["announcements"] < before["announcements"]:
                    self._tell(f"breach {name} was announced less often than before")
                withdrawn = row["withdrawn_at"] is not None and before["withdrawn_at"] is None
                if withdrawn and before["confirmed"] and not self.documents_changed:
                    since = self._seen.confirmed_from.get(name, 0) + _DISORDER
                    self._taken_back.append((name, row["item"], since))
            if not row["confirmed"]:
                self._seen.confirmed_from[name] = watermark
            self._seen.breaches[name] = row
            judged = self._seen.judged.get(row["objective"])
            standing = row["scope"] == "window" and row["withdrawn_at"] is None
            if standing and judged is not None and row["opened_at"] > judged:
                self._tell(f"breach {name} opened later than its objective is judged")

    def sum_up(self) -> None:
        """What can only be said when all is known that was sent.

        A confirmed breach that was withdrawn: an event has to have come since it was proven.
        """
        for name, item, since in self._taken_back:
            came = any(
                own.known_at >= since and own.time is not None and item in {None, own.item}
                for own in self._feeder.acknowledged
            )
            doubtful = self._feeder.doubtful
            if not came and (item not in doubtful if item else not doubtful):
                self._tell(f"breach {name} was confirmed and withdrawn without an event")

    async def _look_at_proofs(self) -> None:
        """Whatever was there before a proven instant has been read: law 17."""
        proven = max((numbers[3] for numbers in self._seen.progress.values()), default=0)
        proven += _DISORDER
        needed: dict[TopicPartition, Acknowledged] = {}
        for own in self._feeder.acknowledged:
            if own.known_at < proven and own.partition < self.grown.get(own.topic, 1 << 30):
                place = TopicPartition(own.topic, own.partition)
                if place not in needed or own.offset > needed[place].offset:
                    needed[place] = own
        if not needed:
            return
        admin = AIOKafkaAdminClient(
            bootstrap_servers=self._trial.system.bootstrap_servers, request_timeout_ms=3_000
        )
        try:
            await admin.start()
            group = self._trial.topics.group("ingest")
            committed = await admin.list_consumer_group_offsets(group)
        except (KafkaError, OSError, TimeoutError):
            return
        finally:
            await admin.close()
        for place, last in needed.items():
            found = max(0, committed[place].offset) if place in committed else 0
            self._unknown[place] = 0 if found else self._unknown.get(place, 0) + 1
            if not found and self._unknown[place] < _UNKNOWN_LOOKS:
                continue  # a broker that has just come back does not know yet
            if found <= last.offset:
                self._tell(f"{last} was there before {proven} and {place} is read up to {found}")

    def _ask(self) -> None:
        try:
            answer = self._api.get("/v1/states", limit=200)
        except ApiError:
            return
        self.answers += 1
        if answer["as_of"] is None:
            return
        as_of = parse_instant(str(answer["as_of"]))
        if as_of < self._seen.told_as_of:
            self._tell(f"the API went back to {answer['as_of']}")
        self._seen.told_as_of = as_of
        items = answer["items"]
        if system_clock() - as_of > _STALE_AFTER and isinstance(items, list):
            live = [row["sla_id"] for row in items if row["freshness"] != "stale"]
            if live:
                self._tell(f"as of {answer['as_of']} and said to be live: {live[:3]}")

    def _tell(self, text: str) -> None:
        if len(self.wrong) < _SHOWN and text not in self._told:
            self._told.add(text)
            self.wrong.append(f"{format_instant(system_clock())}: {text}")
