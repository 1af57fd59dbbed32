"""The evaluator below Kafka, step by step, on a real PostgreSQL.

Batches are folded, time is passed and windows are judged as a test asks for it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace

import msgspec

from services.evaluator.figures import Figures
from services.evaluator.fold import Folder
from services.evaluator.generations import Generations
from services.evaluator.judging import Judge
from services.evaluator.partition import ALLOWED_DISORDER, Partition, Proof
from services.evaluator.posting import Posting
from services.evaluator.store import Store
from shared.domain.agreement import Catalogue, objective_id
from shared.domain.evaluation import Evaluation, evaluate
from shared.domain.event import Event
from shared.domain.instant import Instant
from shared.domain.item import Item
from shared.domain.judge import is_final
from shared.domain.plan import compile_plan
from shared.runtime.database import Pool
from shared.runtime.process import new_registry
from shared.wire import cloudevents
from shared.wire.groups import group_text
from shared.wire.partitioning import partition_of
from shared.wire.results import objective_row
from tests.integration.evaluating import loaded_as

JUDGINGS_MAX = 50
_encoder = msgspec.json.Encoder(decimal_format="number")

Row = tuple[object, ...]


@dataclass
class Stepping:
    """Some partitions in this process, and a judge; what was folded is kept to evaluate it."""

    pool: Pool
    catalogue: Catalogue
    now: Instant
    count: int = 3
    events: list[Event] = field(default_factory=list)
    partitions: dict[int, Partition] = field(default_factory=dict)
    generations: Generations | None = None
    _known: dict[str, Catalogue] = field(default_factory=dict)

    async def start(self, catalogue: Catalogue | None = None) -> None:
        """Take over the partitions; other documents are built and used before it goes on."""
        await self.propose(catalogue or self.catalogue)
        await self.claim()
        await self.change()

    async def propose(self, catalogue: Catalogue) -> None:
        """Have these documents used, once they are built."""
        self._known[catalogue.digest] = catalogue
        self.generations = self.generations or Generations(self.pool)
        await self.generations.propose(loaded_as(catalogue), by="test", now=self.now)
        await self.follow()

    async def change(self) -> None:
        """Build whatever is proposed to the end, and use it."""
        while await self.build():
            pass
        await self.judge(times=1)

    async def build(self, parts: Iterable[int] | None = None) -> bool:
        """Build some more items of these partitions; whether any are left."""
        building = self._in_use.building
        left = False
        for part in range(self.count) if parts is None else parts:
            partition = self.partitions[part]
            if building is None or partition.built:
                continue
            posting = Posting(self.now)
            await self._folder.build(posting, partition)
            posting.moves.append(partition.move(partition.next_offset))
            await self._store.post(posting)
            left = left or not partition.built
        return left

    async def follow(self) -> None:
        """Go over to the documents in use."""
        assert self.generations is not None
        self._in_use = await self.generations.look_up()
        current = self._in_use.current
        self.catalogue = self._known[current.catalogue.digest]
        for partition in self.partitions.values():
            partition.adopt(current.number, self._in_use.building_number)

    async def claim(self) -> None:
        """Own all partitions in a process that has just begun."""
        self.generations = Generations(self.pool)
        await self.follow()
        figures = Figures(new_registry(), "events")
        self._store = Store(self.pool)
        self._folder = Folder(self._store, self.generations, figures.events)
        self._judge = Judge(self.pool, self.generations, figures, clock=lambda: self.now)
        await self.pool.executemany(
            "INSERT INTO partition_progress (part, generation)"
            " VALUES ($1, (SELECT number FROM generation WHERE state = 'current'))"
            " ON CONFLICT DO NOTHING",
            [(part,) for part in range(self.count)],
        )
        for row in await self._store.claim(range(self.count), "test"):
            partition = Partition.claimed(row)
            partition.unchecked = False
            self.partitions[row.part] = partition
        await self.follow()

    async def fold(self, events: Iterable[Event]) -> None:
        """One micro-batch."""
        several: dict[int, list[SimpleNamespace]] = {}
        posting = Posting(self.now)
        for event in events:
            self.events.append(event)
            part = partition_of(event.item, self.count)
            offset = self.partitions[part].next_offset + len(several.get(part, ()))
            record = SimpleNamespace(offset=offset, headers=(), value=cloudevents.encode(event))
            several.setdefault(part, []).append(record)
        batch = [(self.partitions[part], several[part]) for part in sorted(several)]
        starts = {own.part: own.next_offset for own, _ in batch}
        for partition, records in batch:
            partition.next_offset += len(records)
        await self._folder.fold(posting, batch)
        posting.moves = [own.move(starts[own.part]) for own, _ in batch]
        await self._store.post(posting)

    async def prove(self, parts: Iterable[int] | None = None) -> None:
        """Pass time in partitions up to the clock: everything until now is known to be there."""
        parts = [*range(self.count)] if parts is None else [*parts]
        for part in parts:
            partition = self.partitions[part]
            partition.proof = Proof(self.now, partition.next_offset)
            partition.advance(now=self.now)
        await self.settle(parts)

    async def settle(self, parts: Iterable[int] | None = None) -> None:
        """Settle what is due in partitions, and store how far they are."""
        for part in range(self.count) if parts is None else parts:
            partition = self.partitions[part]
            due = True
            while due:
                posting = Posting(self.now)
                await self._folder.fold_due(posting, [partition])
                posting.moves = [partition.move(partition.next_offset)]
                await self._store.post(posting)
                due = partition.is_due

    async def judge(self, times: int = JUDGINGS_MAX) -> None:
        """Judge until nothing is left to judge, or so often; use documents that are built."""
        for _ in range(times):
            await self._judge.judge_once()
            await self.follow()
            if await self.pool.fetchval(_NOTHING_DUE):
                return
        assert times < JUDGINGS_MAX, "judging comes to no end"

    async def said(self) -> dict[tuple[str, str, Instant], Row]:
        """Every listed window as stored."""
        rows = await self.pool.fetch("SELECT * FROM value WHERE listed")
        return {
            (row["objective"], row["grp"], row["window_start"]): (
                row["window_end"],
                row["state"],
                row["value"],
                row["budget_remaining"],
                row["counts"],
                row["target"],
                row["level"],
                row["final"],
                row["provisional"],
            )
            for row in rows
        }

    async def breaches(self) -> set[Row]:
        """Breaches that stand: objective, item and cycle or group and window, opened, closed."""
        rows = await self.pool.fetch(
            "SELECT objective, item, cycle, CASE WHEN scope = 'window' THEN grp END,"
            " window_start, window_end, opened_at, closed_at"
            " FROM breach WHERE withdrawn_at IS NULL"
        )
        return {tuple(row) for row in rows}

    def evaluated(self) -> Evaluation:
        """What `evaluate` says of the events folded so far, as of the clock."""
        plan = compile_plan(self.catalogue)
        items: dict[str, Item] = {}
        for one in self.events:
            items.setdefault(one.item, Item(plan, one.kind, one.subject)).admit(one)
        return evaluate(self.catalogue, items.values(), now=self.now, all_windows=True)

    def expected(self, evaluation: Evaluation) -> dict[tuple[str, str, Instant], Row]:
        """What has to be stored of its windows; some are provisional for the allowed disorder."""
        watermark = self.now - ALLOWED_DISORDER
        opened = {
            (objective_id(own.agreement, own.objective), group_text(own.group), own.window.start)
            for own in evaluation.window_breaches
            if own.opened_at > watermark
        }
        found: dict[tuple[str, str, Instant], Row] = {}
        for reading in evaluation.objectives:
            judgement = reading.judgement
            row = objective_row(judgement, reading.group, reading.window, reading.measure)
            name = objective_id(row.agreement, row.objective)
            final = is_final(judgement.objective, reading.window, reading.measure, now=watermark)
            key = (name, group_text(reading.group), reading.window.start)
            found[key] = (
                reading.window.end,
                row.state,
                row.value,
                row.budget_remaining,
                _text(row.counts),
                _text(row.target),
                row.level,
                final,
                (row.final and not final) or key in opened,
            )
        return found

    @staticmethod
    def expected_breaches(evaluation: Evaluation) -> set[Row]:
        """What has to be stored of breaches."""
        items = {
            (
                objective_id(own.agreement, own.objective),
                own.item,
                own.cycle,
                None,
                None,
                None,
                own.opened_at,
                own.closed_at,
            )
            for own in evaluation.item_breaches
        }
        windows = {
            (
                objective_id(own.agreement, own.objective),
                None,
                None,
                group_text(own.group),
                *own.window,
                own.opened_at,
                own.closed_at,
            )
            for own in evaluation.window_breaches
        }
        return items | windows

    async def compare(self) -> None:
        """Hold what is stored against `evaluate`."""
        evaluation = self.evaluated()
        said, expected = await self.said(), self.expected(evaluation)
        different = _differing(said, expected)
        assert not different, different
        stored, broken = await self.breaches(), self.expected_breaches(evaluation)
        assert stored == broken, (stored - broken, broken - stored)
        unsaid = await self.pool.fetch(_UNSAID)
        assert not unsaid, unsaid


def _differing(
    said: dict[tuple[str, str, Instant], Row], expected: dict[tuple[str, str, Instant], Row]
) -> Sequence[object]:
    keys = sorted({*said, *expected})
    return [
        (key, said.get(key), expected.get(key))
        for key in keys
        if said.get(key) != expected.get(key)
    ][:5]


def _text(value: object) -> str:
    return _encoder.encode(value).decode()


# At rest every change of a final window is its last revision, or waits for the watermark.
_UNSAID = """
SELECT v.*, r.state AS said, r.budget_remaining AS said_budget FROM value v
LEFT JOIN value_revision r USING (objective, grp, window_start, revision),
    (SELECT min(watermark) AS watermark FROM partition_progress) p
WHERE v.listed AND CASE
    WHEN v.restated_since IS NOT NULL THEN v.restated_since <= p.watermark
    WHEN v.revision > 0
        THEN (v.state, v.budget_remaining) IS DISTINCT FROM (r.state, r.budget_remaining)
    ELSE v.final
END
"""
_NOTHING_DUE = """
SELECT NOT EXISTS (SELECT FROM judge_queue) AND NOT EXISTS (
    SELECT FROM judgement WHERE next_turn <= p.as_of OR provisional_until <= p.watermark
        OR pane_key = ''
) FROM (
    SELECT min(evaluation_time) AS as_of, min(watermark) AS watermark
    FROM partition_progress
) p
"""
