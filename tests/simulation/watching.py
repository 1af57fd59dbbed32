"""What is looked at whenever something is committed: the laws that hold at every moment."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any, Final

from services.evaluator.partition import ALLOWED_DISORDER
from services.evaluator.posting import Posting
from services.evaluator.rows import ItemRow, LedgerRow, Move
from shared.domain.agreement import objective_id
from shared.domain.contribution import Contribution
from shared.domain.event import Event, content
from shared.domain.instant import Instant, format_instant
from shared.domain.measure import UNIT, Amount, Measure, Outcome, exact
from shared.wire.groups import group_text
from shared.wire.pane_keys import pane_key
from shared.wire.partitioning import partition_of
from shared.wire.stored_item import Placed, unpack_item
from tests.simulation.broker import Broker, Log
from tests.simulation.database import Database, PaneKey, Progress
from tests.simulation.feeding import Feeding
from tests.simulation.loop import Process
from tests.simulation.world import World

RUNNING: Final = Measure._fields.index("running")
AMOUNT: Final = Measure._fields.index("amount")
MISSED: Final = (Outcome.BREACHED_OPEN, Outcome.BREACHED_CLOSED)
WEIGHED: Final = (Outcome.MET, Outcome.COUNTED)
Pair = tuple[Contribution, Placed]


class Watch:
    """Looks at every commit of the fold."""

    def __init__(self, world: World, broker: Broker, database: Database, feeding: Feeding) -> None:
        """From the very first one on."""
        self._world = world
        self._database = database
        self._feeding = feeding
        self.logs: dict[int, Log] = dict(broker.logs)
        """The logs as they were made, whatever becomes of their topic."""
        self.readings: dict[str, dict[Instant, int]] = defaultdict(dict)
        """What each process's clock has shown: by then so many records had been sent."""
        self.folded: dict[int, dict[str, dict[tuple[str, str], Event]]] = {
            part: {} for part in self.logs
        }
        self.posted: dict[tuple[int, str], list[Pair]] = {}
        self.commits = 0
        self._latest: dict[int, Instant] = dict.fromkeys(self.logs, 0)
        self._sums: dict[PaneKey, list[Any]] = {}
        self._entries: Counter[tuple[object, ...]] = Counter()
        self._ledger: dict[PaneKey, list[Any]] = {}
        self.walks: dict[tuple[str, str, Instant], dict[tuple[Instant, str], Any]] = {}
        """What a walk over a window sees, by instant: how much of what was decided then."""
        database.watch = self.committed

    def read(self, process: Process, shown: Instant) -> None:
        """A clock has been read."""
        self.readings[process.name].setdefault(shown, self._feeding.sent)

    def committed(
        self, process: Process | None, posting: Posting, before: dict[int, Progress]
    ) -> None:
        """Check what has just been written."""
        self.commits += 1
        touched: set[tuple[int, str]] = set()
        for move in posting.moves:
            shown = f"{move.next_offset} E {format_instant(move.evaluation_time)}"
            self._world.note(f"committed part {move.part} up to {shown}", process)
            self._check_move(process, before[move.part], move)
            touched |= self._take_records(before[move.part], move)
            self._check_proof(process, before[move.part], move)
        panes: dict[PaneKey, None] = {}
        for item in posting.items:
            touched.discard((item.part, item.key))
            panes.update(dict.fromkeys(self._check_item(item)))
        for part, key in sorted(touched):
            self._check_stored(part, key)
        for row in posting.ledger:
            panes[self._enter(row)] = None
        self._check_panes(panes)

    # --- progress and time ----------------------------------------------------------------

    def _check_move(self, process: Process | None, before: Progress, move: Move) -> None:
        part = move.part
        owner = "" if process is None else process.name
        if move.epoch != before.epoch or owner != before.owner:
            self._world.differs(f"partition {part} was written by a former owner")
        if move.start != before.next_offset:
            self._world.differs(f"partition {part}: a batch from {move.start}, not {before}")
        if move.next_offset < before.next_offset:
            self._world.differs(f"partition {part} went back to {move.next_offset}")
        due = self._database.tables.next_due(part)
        if due is not None and before.evaluation_time < move.evaluation_time >= due:
            self._world.differs(
                f"partition {part} is at {format_instant(move.evaluation_time)}, "
                f"and an item has been due since {format_instant(due)}"
            )
        for name in ("evaluation_time", "watermark"):
            if getattr(move, name) < getattr(before, name):
                self._world.differs(f"partition {part}: {name} went back")

    def _take_records(self, before: Progress, move: Move) -> set[tuple[int, str]]:
        """What the batch was to hold, by the log; the items that it touches."""
        log, own = self.logs[move.part], self.folded[move.part]
        touched = set()
        if move.next_offset > log.end:
            self._world.differs(f"partition {move.part} is beyond the end of its log")
        for record in log.records[before.next_offset : move.next_offset]:
            event = record.event
            if event is None:
                key = (move.part, record.offset, record.value)
                if key not in self._database.tables.quarantined:
                    self._world.differs(f"record {move.part}:{record.offset} is not in quarantine")
                continue
            events = own.setdefault(event.item, {})
            events[event.identity] = min(events.get(event.identity, event), event, key=content)
            touched.add((move.part, event.item))
            self._latest[move.part] = max(self._latest[move.part], event.time)
            if event.time < before.watermark:
                self._world.met["events behind the watermark"] += 1
        return touched

    def _check_proof(self, process: Process | None, before: Progress, move: Move) -> None:
        proven = move.watermark + ALLOWED_DISORDER
        reached = max(before.evaluation_time, proven, self._latest[move.part])
        if move.evaluation_time > reached:
            self._world.differs(
                f"partition {move.part} was evaluated at {format_instant(move.evaluation_time)}, "
                "past all that was read and proven"
            )
        if move.watermark <= before.watermark or process is None:
            return
        if self._database.alike.get(move.part) == move.epoch:
            self._world.met["proofs of another log, as long as the one before"] += 1
            return
        found = self.readings[process.name].get(proven)
        if found is None:
            self._world.differs(f"{format_instant(proven)} is proven, which no clock has shown")
            return
        part, parts = move.part, len(self.logs)
        for event in self._feeding.order[:found]:
            if event is None or partition_of(event.item, parts) != part:
                continue
            if event.identity not in self.folded[part].get(event.item, {}):
                self._world.differs(
                    f"partition {part} is proven up to {format_instant(proven)} without "
                    f"{event.id} ({format_instant(event.time)}), which had been sent"
                )

    # --- items, ledger, panes -------------------------------------------------------------

    def _check_item(self, row: ItemRow) -> Iterable[PaneKey]:
        """Its timeline is what was delivered; the panes that it was and is posted to."""
        events, posted = unpack_item(row.key, row.body)
        self._compare(row.part, row.key, {event.identity: event for event in events})
        old = self.posted.get((row.part, row.key), ())
        self.posted[row.part, row.key] = posted
        for pair in old:
            yield self._add(row.part, pair, -1)
        for pair in posted:
            yield self._add(row.part, pair, 1)

    def _check_stored(self, part: int, key: str) -> None:
        """An item that the batch touches and does not write holds all of it already."""
        row = self._database.tables.items[part].get(key)
        events = [] if row is None else unpack_item(key, row[1])[0]
        self._compare(part, key, {event.identity: event for event in events})

    def _compare(self, part: int, key: str, events: dict[tuple[str, str], Event]) -> None:
        expected = self.folded[part].get(key, {})
        if events != expected:
            lacking = [own.id for own in expected.values() if own not in events.values()]
            surplus = [own.id for own in events.values() if own not in expected.values()]
            self._world.differs(f"{key} (partition {part}) lacks {lacking}, has {surplus} too much")

    def _add(self, part: int, pair: Pair, sign: int) -> PaneKey:
        own, placed = pair
        name = pane_key(objective_id(own.agreement, own.objective), placed.built)
        key = (name, group_text(own.group), placed.pane_start, part)
        add(self._sums, key, own.outcome, own.amount, sign)
        return key

    def _enter(self, row: LedgerRow) -> PaneKey:
        key = (row.objective, row.grp, row.pane_start, row.part)
        amount = row.amount if row.elapsed is None else row.elapsed
        entry = (*key, row.item, row.cycle, row.ordinal, row.outcome, row.at, amount)
        self._entries[entry] += row.sign
        if self._entries[entry] not in (0, 1):
            self._world.differs(f"an entry stands {self._entries[entry]} times: {entry}")
        add(self._ledger, key, row.outcome, amount, row.sign)
        seen = "missed" if row.outcome in MISSED else row.outcome
        if row.outcome != Outcome.EXCLUDED:
            walk = self.walks.setdefault(key[:3], {})
            walk[row.at, seen] = walk.get((row.at, seen), 0) + row.sign
            if amount is not None and row.outcome in WEIGHED:
                place = (row.at, "amount")
                walk[place] = walk.get(place, 0) + row.sign * exact(amount)
        return key

    def _check_panes(self, keys: Iterable[PaneKey]) -> None:
        nothing: list[Any] = [*Measure()]
        tables = self._database.tables
        used = {
            pane_key(name, built)
            for state in ("current", "building")
            if (own := tables.in_state(state)) is not None
            for name, built in own.built.items()
        }
        for key in keys:
            if key[0] not in used:
                continue
            pane = tables.panes.get(key, nothing)
            if pane != self._sums.get(key, nothing):
                said = f"{pane}, the items say {self._sums.get(key, nothing)}"
                self._world.differs(f"the pane {key} says {said}")
            decided = [*pane]
            decided[RUNNING] = 0
            if decided != self._ledger.get(key, nothing):
                said = f"{decided}, the ledger says {self._ledger.get(key, nothing)}"
                self._world.differs(f"the pane {key} says {said}")


def add(
    sums: dict[PaneKey, list[Any]], key: PaneKey, outcome: str, amount: Amount | None, sign: int
) -> None:
    """Count an outcome in a sum of panes."""
    numbers = sums.setdefault(key, [*Measure()])
    for column, number in enumerate(UNIT[Outcome(outcome)]):
        numbers[column] += sign * number
    if amount is not None:
        numbers[AMOUNT] += sign * exact(amount)
