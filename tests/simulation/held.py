"""What an evaluator reads and writes, on the simulated PostgreSQL instead of a pool."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from services.evaluator import store
from services.evaluator.gap_rows import Gap
from services.evaluator.generations import Compiled, Generations, InUse, objectives
from services.evaluator.posting import Posting
from services.evaluator.store import Progress, Store
from shared.documents import Loaded
from shared.domain.agreement import objective_id
from shared.domain.instant import NEVER, Instant
from tests.simulation.database import Database, Generation, Transaction
from tests.simulation.database import Progress as Row
from tests.simulation.world import COMMIT, Reply


def answering(read: Callable[[], Any]) -> Callable[[Reply], None]:
    """A statement that only reads, or changes what nobody locks."""
    return lambda reply: reply(read())


class MemoryStore(Store):
    """The fold's statements."""

    def __init__(self, database: Database) -> None:
        """On this server."""
        self._database = database

    async def prepare(self, topic: str) -> str:
        """Rows of progress for each partition; the cluster that was recorded."""
        del topic
        database = self._database

        def insert() -> str:
            tables = database.tables
            current = tables.in_state("current")
            for part in tables.items:
                number = 0 if current is None else current.number
                tables.progress.setdefault(part, Row(part, database.cluster_id, number))
            return database.cluster_id

        return str(await database.ask(answering(insert), "prepare"))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """A connection that commits when the block ends; it breaks when a statement fails."""
        database = self._database
        own = database.begin()
        try:
            yield own
            database.world.note("COMMIT")
            # It is on its way from here on, unless it gets lost itself.
            await self._commit(own)
        except BaseException:
            database.break_off(own)
            raise

    async def _commit(self, own: Transaction) -> None:
        database = self._database

        def arrived(reply: Reply) -> None:
            own.is_committing = True
            database.finish(own, reply)

        await database.ask(arrived, COMMIT)

    async def claim(self, parts: Iterable[int], owner: str) -> list[Progress]:
        """Become the owner; the timers are read by a statement of their own."""
        database, wanted = self._database, sorted(parts)
        async with self.transaction() as own:
            rows: list[Row] = await database.ask(
                lambda reply: self._claim(own, wanted, owner, reply), f"claim {wanted}"
            )
            dues = await self._dues_of_claimed(wanted)
        return [_progress(row, dues[row.part]) for row in rows]

    async def _dues_of_claimed(self, wanted: list[int]) -> dict[int, Instant | None]:
        return await self.next_due([(part, -NEVER) for part in wanted])

    @staticmethod
    def next_epoch(row: Row) -> int:
        """What a claim makes of the epoch."""
        return row.epoch + 1

    def _claim(self, own: Transaction, wanted: list[int], owner: str, reply: Reply) -> None:
        tables = self._database.tables

        def locked() -> None:
            rows = [Row(**vars(tables.progress[part])) for part in wanted]
            for row in rows:
                row.epoch, row.owner = self.next_epoch(row), owner

            def change() -> None:
                for row in rows:
                    own_row = tables.progress[row.part]
                    own_row.epoch, own_row.owner = row.epoch, row.owner

            own.changes.append(change)
            reply(rows)

        self._database.lock(own, wanted, locked)

    async def load_items(self, wanted: Sequence[tuple[int, str]]) -> list[Any]:
        """The stored rows of those wanted that exist."""
        items = self._database.tables.items

        def read() -> list[tuple[int, str, bytes]]:
            found = ((p, key, items[p].get(key)) for p, key in wanted)
            return [(p, key, row[1]) for p, key, row in found if row is not None]

        return list(await self._database.ask(answering(read), "load items"))

    async def load_due(self, until: Sequence[tuple[int, Instant]], limit: int) -> list[Any]:
        """Items that are due, the earliest first."""
        items = self._database.tables.items

        def read() -> list[tuple[int, str, bytes]]:
            found = []
            for part, instant in until:
                due = sorted(
                    (at, key, body)
                    for key, (at, body) in items[part].items()
                    if at is not None and at <= instant
                )
                found += [(part, key, body) for _, key, body in due[:limit]]
            return found

        return list(await self._database.ask(answering(read), "load due"))

    async def next_due(self, until: Sequence[tuple[int, Instant]]) -> dict[int, Instant | None]:
        """The earliest instant after those given at which an item of each partition is due."""
        tables = self._database.tables

        def read() -> dict[int, Instant | None]:
            return {part: tables.next_due(part, after=instant) for part, instant in until}

        return dict(await self._database.ask(answering(read), "next due"))

    async def load_after(self, part: int, key: str, limit: int) -> list[Any]:
        """The next rows of a partition in the order of their keys."""
        items = self._database.tables.items[part]

        def read() -> list[tuple[int, str, bytes, Instant | None]]:
            keys = sorted(own for own in items if own > key)[:limit]
            return [(part, own, items[own][1], items[own][0]) for own in keys]

        return list(await self._database.ask(answering(read), "load after"))

    async def count_items(
        self, parts: Sequence[int], until: Sequence[str]
    ) -> list[tuple[int, int, int]]:
        """How many items partitions have, up to a key and in all."""
        items = self._database.tables.items

        def read() -> list[tuple[int, int, int]]:
            wanted = zip(parts, until, strict=True)
            return [(p, sum(key <= u for key in items[p]), len(items[p])) for p, u in wanted]

        return list(await self._database.ask(answering(read), "count items"))

    async def post(self, posting: Posting) -> None:
        """Write everything or nothing."""
        database, moves = self._database, sorted(posting.moves)
        async with self.transaction() as own:
            await database.ask(lambda reply: database.move(own, moves, reply), f"move {moves}")
            await database.ask(lambda reply: database.write(own, posting, reply), "write")


def _progress(row: Row, due: Instant | None) -> Progress:
    return store.Progress(
        part=row.part,
        epoch=row.epoch,
        next_offset=row.next_offset,
        evaluation_time=row.evaluation_time,
        watermark=row.watermark,
        record_digest=row.record_digest,
        cluster_id=row.cluster_id,
        generation=row.generation,
        building=row.building,
        built_until=row.built_until,
        built=row.built,
        next_due=due,
    )


class MemoryGaps:
    """Where open gaps are kept."""

    def __init__(self, database: Database) -> None:
        """On this server."""
        self._database = database

    async def open(self, parts: Sequence[int]) -> dict[int, Gap]:
        """The open row of each of these partitions that has one."""
        gaps = self._database.tables.gaps
        read = answering(lambda: {part: gaps[part] for part in parts if part in gaps})
        return dict(await self._database.ask(read, "open gaps"))

    async def note(self, gap: Gap, *, epoch: int, now: Instant) -> None:
        """Write one, unless the partition has another owner."""
        del now
        tables = self._database.tables
        if gap.part not in self._database.may_stop:
            self._database.world.differs(f"partition {gap.part} is stopped for nothing: {gap}")

        def insert() -> None:
            if tables.progress[gap.part].epoch == epoch:
                tables.gaps[gap.part] = gap

        await self._database.ask(answering(insert), f"note gap {gap.reason}")

    async def heal(self, part: int, *, now: Instant) -> None:
        """Close one."""
        del now
        gaps = self._database.tables.gaps
        await self._database.ask(answering(lambda: gaps.pop(part, None) and None), "heal gap")


COMPILED: dict[tuple[str, tuple[tuple[str, int], ...], int], Compiled] = {}
"""Generations compiled by any run so far: compiling takes longer than a run."""


def compiled_as(known: dict[str, Loaded], row: Generation) -> Compiled:
    """A generation, compiled."""
    key = (row.digest, tuple(sorted(row.built.items())), row.number)
    if key not in COMPILED:
        catalogue = known[row.digest].catalogue
        assert catalogue is not None
        COMPILED[key] = Compiled(row.number, catalogue, row.built)
    return COMPILED[key]


class MemoryGenerations(Generations):
    """Generations of documents, their texts being those that the run knows."""

    def __init__(self, database: Database, known: dict[str, Loaded]) -> None:
        """`known` are all documents of the run by digest."""
        self._database = database
        self._known = known
        self._compiled = {}
        self._in_use: InUse | None = None
        self._turn = asyncio.Lock()

    async def look_up(self) -> InUse:
        """Which are in use now."""
        async with self._turn:
            current, building = await self._database.ask(answering(self._numbers), "look up")
            if current is None:
                message = "no documents are in use"
                raise LookupError(message)
            self._in_use = InUse(
                await self.compiled(current),
                None if building is None else await self.compiled(building),
            )
            return self._in_use

    def _numbers(self) -> tuple[int | None, int | None]:
        tables = self._database.tables
        found = [tables.in_state(state) for state in ("current", "building")]
        current, building = (None if own is None else own.number for own in found)
        return current, building

    async def compiled(self, number: int) -> Compiled:
        """The generation of that number."""
        found = self._compiled.get(number)
        if found is None:
            generations = self._database.tables.generations
            row = await self._database.ask(answering(lambda: generations[number]), "read documents")
            found = self._compiled[number] = compiled_as(self._known, row)
        return found

    async def tidy(self, *, now: Instant) -> bool:
        """Nothing is deleted here."""
        del now
        return False

    async def propose(self, loaded: Loaded, *, by: str, now: Instant) -> int | None:
        """Have other documents built and used."""
        del by, now
        number = await self._database.ask(
            answering(lambda: propose(self._database, loaded)), "propose"
        )
        return None if number is None else int(number)


def propose(database: Database, loaded: Loaded) -> int | None:
    """What `shared.runtime.generations.propose` does, at once."""
    tables, catalogue = database.tables, loaded.catalogue
    assert catalogue is not None
    current, building = tables.in_state("current"), tables.in_state("building")
    if building is not None and building.digest == catalogue.digest:
        return None
    if building is not None:
        building.state = "abandoned"
    if current is not None and current.digest == catalogue.digest:
        return None
    number = len(tables.generations) + 1
    contents, names = (
        dict(catalogue.contents),
        {objective_id(*k): k[0] for k in objectives(catalogue)},
    )
    if current is None:
        built = dict.fromkeys(names, 0)
        for row in tables.progress.values():
            row.generation = number
    else:
        built = {
            name: current.built[name]
            if name in current.built and current.contents.get(agreement) == contents[agreement]
            else number
            for name, agreement in names.items()
        }
    state = "current" if current is None else "building"
    tables.generations[number] = Generation(number, state, catalogue.digest, built, contents)
    database.world.note(f"generation {number} {state}")
    return number
