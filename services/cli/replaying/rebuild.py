"""Everything again: the evaluator's own fold and judge on the tables of the shadow.

The clock stands where the live system's did: each partition is settled at the evaluation time of
the snapshot from its first batch on, so nothing has to become due in between.
"""

import time
from collections.abc import Callable
from typing import Final

from services.cli.replaying.compared import ALL, PROGRESS
from services.cli.replaying.records import Batch, Records
from services.cli.replaying.snapshot import Snapshot, waiting_objectives
from services.evaluator.figures import Figures
from services.evaluator.fold import Folder
from services.evaluator.generations import Generations
from services.evaluator.judging import Judge
from services.evaluator.partition import ALLOWED_DISORDER, Partition
from services.evaluator.posting import Posting
from services.evaluator.store import Store
from shared.documents import Loaded
from shared.runtime.database import Pool
from shared.runtime.process import new_registry
from shared.runtime.wall_clock import stopped_at

_OWNER: Final = "replay"
_BEGIN: Final = """
INSERT INTO partition_progress (part, evaluation_time, proven, watermark)
SELECT part, evaluation_time, proven, watermark FROM {progress}
"""

Told = Callable[[int, int], None]
"""Hears how much of the total is done, and how many events that were."""


class Rebuild:
    """Folds and judges into the shadow."""

    def __init__(self, pool: Pool, snapshot: Snapshot, documents: Loaded) -> None:
        """`pool` sees the shadow only; `documents` have loaded."""
        figures = Figures(new_registry(), _OWNER)
        self._pool = pool
        self._as_of = snapshot.as_of
        self._documents = documents
        self._generations = Generations(pool)
        self._store = Store(pool)
        self._folder = Folder(self._store, self._generations, figures.events)
        self._judge = Judge(pool, self._generations, figures, clock=stopped_at(self._as_of))
        self._partitions: dict[int, Partition] = {}

    async def fold(self, records: Records, told: Told) -> int:
        """Fold every record; how many there were."""
        await self._begin()
        done = events = 0
        async for batch in records.batches:
            await self._fold(batch)
            done += batch.done
            events += len(batch.records)
            told(done, events)
        self._partitions.clear()
        return events

    async def judge(self, told: Callable[[int, int], None]) -> None:
        """Judge until nothing is left; `told` hears how many objectives are done, of how many."""
        await self._pool.execute("ANALYZE item, ledger, pane, pane_bucket, judge_queue, breach")
        while True:
            await self._judge.judge_once()
            async with self._pool.acquire() as connection:
                left = len(await waiting_objectives(connection))
            total = await self._pool.fetchval("SELECT count(*) FROM judgement")
            told(total - left, total)
            if not left:
                break
        for own in ALL:
            await self._pool.execute(f"CREATE VIEW {own.rebuilt} AS {own.query}")

    async def _begin(self) -> None:
        await self._pool.execute(_BEGIN.format(progress=PROGRESS))
        # The first documents that a database gets are in use at once.
        await self._generations.propose(self._documents, by=_OWNER, now=self._as_of)
        await self._generations.look_up()
        rows = await self._pool.fetch("SELECT part FROM partition_progress")
        posting = Posting(self._as_of)
        for row in await self._store.claim([own["part"] for own in rows], _OWNER):
            partition = Partition.claimed(row)
            proven = row.watermark + ALLOWED_DISORDER
            partition.proven_until = min(proven, row.evaluation_time)
            self._partitions[row.part] = partition
            posting.moves.append(partition.move(partition.next_offset))
        await self._store.post(posting)

    async def _fold(self, batch: Batch) -> None:
        if not batch.records:
            return
        partition = self._partitions[batch.part]
        start = partition.next_offset
        partition.next_offset = batch.records[-1].offset + 1
        posting = Posting(partition.evaluation_time)
        await self._folder.fold(posting, [(partition, batch.records)])
        posting.moves.append(partition.move(start))
        await self._store.post(posting)


class Pace:
    """How fast something goes, and how long it takes to its end."""

    def __init__(self) -> None:
        """Begin to measure."""
        self._begun = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._begun

    def rate(self, events: int) -> int:
        """Events in a second, so far."""
        return round(events / max(self.seconds, 0.001))

    def left_s(self, done: int, total: int) -> float:
        """Seconds to the end at the pace so far."""
        return self.seconds * (total - done) / done if done else 0.0
