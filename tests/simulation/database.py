"""PostgreSQL as the fold needs it: rows of progress with locks, transactions, what is committed.

As there: a statement sees what was committed when it began, except that a row it changes is read
again once its lock is had. A transaction whose connection broke is rolled back when the server
notices; one whose COMMIT has been sent is on its way, whatever its client hears of it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

import asyncpg

from services.evaluator.breaches import BreachRow
from services.evaluator.gap_rows import Gap
from services.evaluator.posting import Posting
from services.evaluator.rows import Move, QuarantineRow, Window
from services.evaluator.store import FencedError
from shared.domain.instant import NEVER, Instant
from tests.simulation.loop import PROCESS, Process
from tests.simulation.world import Reply, Server, World

IDLE_S: Final = 1.2
"""After so long a transaction whose client does nothing is ended."""

PaneKey = tuple[str, str, Instant, int]


@dataclass
class Progress:
    """A row of `partition_progress`."""

    part: int
    cluster_id: str
    generation: int
    epoch: int = 0
    owner: str = ""
    next_offset: int = 0
    evaluation_time: Instant = 0
    proven: bool = False
    watermark: Instant = 0
    record_digest: bytes | None = None
    building: int | None = None
    built_until: str | None = None
    built: bool = False


@dataclass
class Generation:
    """A row of `generation`."""

    number: int
    state: str
    digest: str
    built: dict[str, int]
    contents: dict[str, str]


@dataclass
class Breach:
    """A row of `breach`, with what was announced of it."""

    row: BreachRow
    unannounced: bool = True
    confirmed: bool = False
    announced: str = ""
    said: list[str] = field(default_factory=list)


@dataclass
class Tables:
    """What is committed."""

    progress: dict[int, Progress] = field(default_factory=dict)
    items: dict[int, dict[str, tuple[Instant | None, bytes]]] = field(default_factory=dict)
    panes: dict[PaneKey, list[Any]] = field(default_factory=dict)
    buckets: dict[tuple[str, str, Instant, int, int], int] = field(default_factory=dict)
    breaches: dict[str, Breach] = field(default_factory=dict)
    breach_next: dict[tuple[int, str], BreachRow] = field(default_factory=dict)
    quarantined: dict[tuple[int, int, bytes], QuarantineRow] = field(default_factory=dict)
    queue: list[tuple[Window, Instant]] = field(default_factory=list)
    gaps: dict[int, Gap] = field(default_factory=dict)
    generations: dict[int, Generation] = field(default_factory=dict)

    def in_state(self, state: str) -> Generation | None:
        """The generation that is current, or being built."""
        return next((own for own in self.generations.values() if own.state == state), None)

    def next_due(self, part: int, *, after: Instant = -NEVER) -> Instant | None:
        """The earliest instant after another at which an item of a partition is due."""
        dues = [due for due, _ in self.items[part].values() if due is not None and due > after]
        return min(dues, default=None)


def wire_errors(dice: Random) -> BaseException:
    """What the driver raises when a connection breaks."""
    return dice.choice(
        (
            ConnectionResetError("the connection was reset"),
            asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
            asyncpg.InterfaceError("connection is closed"),
            TimeoutError(),
            asyncpg.AdminShutdownError("terminating connection"),
        )
    )


class Transaction:
    """One on the server: the rows it has locked, and what it will have changed."""

    def __init__(self, process: Process | None) -> None:
        """Of a client."""
        self.process = process
        self.held: set[int] = set()
        self.changes: list[Callable[[], None]] = []
        self.statements = 0
        self.writes_items = False
        self.is_committing = False
        self.is_over = False


class Database(Server):
    """The server."""

    def __init__(self, world: World, parts: int, cluster_id: str) -> None:
        """Empty, for so many partitions."""
        super().__init__(world, "database", wire_errors)
        self.cluster_id = cluster_id
        self.tables = Tables(items={part: {} for part in range(parts)})
        self.watch: Callable[[Process | None, Posting, dict[int, Progress]], None]
        self.held_up: Callable[[Transaction], float] | None = None
        """Asked how long the next commit of items takes."""
        self.may_stop: set[int] = set()
        """Partitions of which something was ever wrong with the log."""
        self.alike: dict[int, int] = {}
        """Partitions that read another log, as long as what was folded of the one before, with the
        epoch of then: only a claim looks at its last record again."""
        self._open: list[Transaction] = []
        self._waiting: list[tuple[Transaction, set[int], Callable[[], None]]] = []

    # --- locks ----------------------------------------------------------------------------

    def lock(self, own: Transaction, parts: Iterable[int], then: Callable[[], None]) -> None:
        """Go on once these rows are locked for the transaction."""
        self._waiting.append((own, set(parts), then))
        self._grant()

    def _grant(self) -> None:
        waiting, self._waiting = self._waiting, []
        wanted: set[int] = set()
        for own, parts, then in waiting:
            if own.is_over:
                continue
            others = {p for tx in self._open if tx is not own for p in tx.held}
            if parts & (others | wanted):
                wanted |= parts
                self._waiting.append((own, parts, then))
                continue
            own.held |= parts
            self.world.loop.outside(0.0, then)

    def begin(self) -> Transaction:
        """A transaction of the process that asks."""
        own = Transaction(PROCESS.get())
        self._open.append(own)
        return own

    def commit(self, own: Transaction) -> None:
        """Make its changes true."""
        if not own.is_over:
            for change in own.changes:
                change()
            self.roll_back(own)

    def roll_back(self, own: Transaction) -> None:
        """Forget it, and let its rows go."""
        if not own.is_over:
            own.is_over = True
            self._open.remove(own)
            self._grant()

    def break_off(self, own: Transaction) -> None:
        """Its connection is gone: the server notices in a while, unless COMMIT is on its way."""
        delay = self.weather.way * self.world.dice.choice((0, 1, 20))

        def notice() -> None:
            if not own.is_committing:
                self.roll_back(own)

        self.world.loop.outside(delay, notice)

    def lose(self, process: Process) -> None:
        """A process has died."""
        for own in [tx for tx in self._open if tx.process is process]:
            self.break_off(own)

    def idle(self, process: Process) -> None:
        """A process has been stopped: what it has open is ended some time later."""
        for own in [tx for tx in self._open if tx.process is process]:
            count = own.statements

            def check(own: Transaction = own, count: int = count) -> None:
                # One that waits for a row is not idle.
                is_busy = own.is_committing or any(tx is own for tx, _, _ in self._waiting)
                if own.statements == count and not is_busy and not own.is_over:
                    self.world.fault("database: idle transaction ended")
                    self.roll_back(own)

            self.world.loop.outside(IDLE_S, check)

    # --- statements -----------------------------------------------------------------------

    def move(self, own: Transaction, moves: list[Move], reply: Reply) -> None:
        """Compare and set the progress."""
        if own.is_over:
            reply(self.error())
            return
        own.statements += 1

        def locked() -> None:
            rows = self.tables.progress
            same = [move.part for move in moves if self.is_continued(rows[move.part], move)]
            if len(same) != len(moves):
                self.roll_back(own)
                self.world.met["fenced"] += 1
                reply(FencedError(f"{same} instead of {[move.part for move in moves]}"))
                return
            reply(None)

        self.lock(own, [move.part for move in moves], locked)

    @staticmethod
    def is_continued(row: Progress, move: Move) -> bool:
        """Whether progress is where the process that moves it left it."""
        return (row.epoch, row.next_offset, row.generation) == (
            move.epoch,
            move.start,
            move.generation,
        )

    def write(self, own: Transaction, posting: Posting, reply: Reply) -> None:
        """Take in what is to be written."""
        if own.is_over:
            reply(self.error())
            return
        own.statements += 1
        own.writes_items = bool(posting.items)
        own.changes.append(lambda: self.apply(own.process, posting))
        reply(None)

    def finish(self, own: Transaction, reply: Reply) -> None:
        """COMMIT has come."""
        if own.is_over:
            reply(self.error())
            return

        def done() -> None:
            self.commit(own)
            reply(None)

        seconds = self.way()
        if self.held_up is not None and own.writes_items:
            held_up, self.held_up = self.held_up, None
            seconds += held_up(own)
        self.world.loop.outside(seconds, done)

    def apply(self, process: Process | None, posting: Posting) -> None:
        """Write everything of a micro-batch."""
        tables = self.tables
        before = {move.part: Progress(**vars(tables.progress[move.part])) for move in posting.moves}
        for move in posting.moves:
            row = tables.progress[move.part]
            row.next_offset, row.evaluation_time = move.next_offset, move.evaluation_time
            row.proven, row.watermark = move.proven, move.watermark
            row.record_digest = move.record_digest or row.record_digest
            row.building, row.built_until = move.building, move.built_until
            row.built = move.built
        for item in posting.items:
            tables.items[item.part][item.key] = (item.next_due, item.body)
        for key, numbers in posting.panes.items():
            known = tables.panes.get(key)
            tables.panes[key] = (
                [*numbers]
                if known is None
                else [a + b for a, b in zip(known, numbers, strict=True)]
            )
        for bucket, clocks in posting.buckets.items():
            tables.buckets[bucket] = tables.buckets.get(bucket, 0) + clocks
        tables.queue.extend((window, since) for window, since, _ in posting.marks())
        for row_ in posting.breaches.values():
            put_breach(tables, row_)
        tables.breach_next.update(posting.beside)
        for refused in posting.quarantined:
            place = (refused.part, refused.record_offset, refused.record)
            tables.quarantined.setdefault(place, refused)
        self.watch(process, posting, before)


def put_breach(tables: Tables, row: BreachRow) -> None:
    """Write what is found of a breach."""
    known = tables.breaches.get(row.breach_id)
    if known is None:
        tables.breaches[row.breach_id] = Breach(row, unannounced=row.unannounced)
        return
    known.row = known.row._replace(
        part=row.part,
        grp=row.grp,
        window_end=row.window_end,
        closed_at=row.closed_at,
        withdrawn_at=row.withdrawn_at,
    )
    known.unannounced = known.unannounced or row.unannounced
