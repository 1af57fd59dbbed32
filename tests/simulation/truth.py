"""What has to hold at the end: everything as if it had been evaluated at once."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from services.evaluator.breaches import BreachRow, item_breach
from services.evaluator.generations import Compiled
from shared.documents import Loaded
from shared.domain.contribution import Contribution
from shared.domain.event import Event, content
from shared.domain.instant import Instant
from shared.domain.item import Item
from shared.domain.measure import Outcome, exact
from shared.wire import cloudevents
from shared.wire.groups import group_text
from shared.wire.stored_item import unpack_item
from tests.oracle import evaluate as oracle
from tests.simulation.broker import Log
from tests.simulation.database import Database, Progress
from tests.simulation.held import compiled_as
from tests.simulation.world import World

COHORT = {"pending": ("entered",), "good": ("entered", "reached"), "lost": ("entered", "lost")}


class Truth:
    """Compares what is stored with an evaluation of all that was delivered."""

    def __init__(
        self, world: World, database: Database, logs: dict[int, Log], known: dict[str, Loaded]
    ) -> None:
        """Of these logs, as they were written."""
        self._world = world
        self._tables = database.tables
        self._logs = logs
        self._known = known
        current = database.tables.in_state("current")
        assert current is not None
        self._compiled: Compiled = compiled_as(known, current)
        self.standing: set[str] = set()
        """The breaches of items that truly are."""

    def compare(self, parts: Iterable[int], *, by_oracle: bool) -> None:
        """Hold these partitions against the truth."""
        for part in parts:
            row = self._tables.progress[part]
            events = self._events(part)
            expected: Counter[Any] = Counter()
            breaches: dict[str, BreachRow] = {}
            for key, some in events.items():
                kind, _, subject = key.partition(":")
                settled = Item(self._compiled.plan, kind, subject, some).settle(
                    now=row.evaluation_time
                )
                own = Counter(map(_exact, settled.contributions))
                self._compare_item(row, key, own, settled.next_due)
                expected += own
                for one in settled.contributions:
                    if one.breaches:
                        found = item_breach(key, part, one, group_text(one.group), 0)
                        breaches[found.breach_id] = found
            self._compare_breaches(part, breaches)
            self._compare_refused(part)
            if by_oracle:
                self._ask_oracle(row, events, expected)

    def _events(self, part: int) -> dict[str, list[Event]]:
        """Each item's events that stand."""
        found: dict[str, dict[tuple[str, str], Event]] = {}
        for record in self._logs[part].records:
            event = record.event
            if event is not None:
                own = found.setdefault(event.item, {})
                own[event.identity] = min(own.get(event.identity, event), event, key=content)
        return {key: [*own.values()] for key, own in found.items()}

    def _compare_item(
        self, row: Progress, key: str, expected: Counter[Any], due: Instant | None
    ) -> None:
        stored = self._tables.items[row.part].get(key)
        if stored is None:
            self._world.differs(f"{key} is not stored")
            return
        _, pairs = unpack_item(key, stored[1])
        held = self._compiled.holds
        posted = Counter(_exact(own) for own, placed in pairs if held(own, placed))
        if posted != expected:
            said = f"{[*(posted - expected)]} instead of {[*(expected - posted)]}"
            self._world.differs(f"{key} at {row.evaluation_time}: {said}")
        if due != stored[0] and (stored[0] is None or (due is not None and stored[0] > due)):
            self._world.differs(f"{key} is due at {due}, and looked at again at {stored[0]}")

    def _compare_breaches(self, part: int, expected: dict[str, BreachRow]) -> None:
        self.standing.update(expected)
        stored = {
            id_: own.row
            for id_, own in self._tables.breaches.items()
            if own.row.part == part and own.row.withdrawn_at is None
        }
        for id_ in sorted({*stored, *expected}):
            one, other = stored.get(id_), expected.get(id_)
            if one is None or other is None or _named(one) != _named(other):
                self._world.differs(f"partition {part}: breach {one} instead of {other}")

    def _compare_refused(self, part: int) -> None:
        refused = {r.offset for r in self._logs[part].records if r.event is None}
        stored = {
            offset
            for (own, offset, _), row in self._tables.quarantined.items()
            if own == part and row.reason != "conflict"
        }
        if refused != stored:
            self._world.differs(f"partition {part}: {stored} in quarantine, not {refused}")

    def _ask_oracle(
        self, row: Progress, events: dict[str, list[Event]], expected: Counter[Any]
    ) -> None:
        """What an evaluator that shares no code with this one says."""
        current = self._tables.in_state("current")
        assert current is not None
        texts = [file.text for file in self._known[current.digest].texts]
        lines = [cloudevents.encode(one).decode() for some in events.values() for one in some]
        found: Counter[Any] = Counter()
        for (agreement, objective), entries in oracle.entries(
            texts, lines, row.evaluation_time
        ).items():
            for entry in entries:
                for outcome in COHORT.get(entry.outcome, (entry.outcome,)):
                    found[agreement, objective, outcome, entry.group, entry.amount] += 1
        own: Counter[Any] = Counter()
        for contribution, count in expected.items():
            own[_as_entry(contribution)] += count
        if found != own:
            said = f"{[*(own - found)]}, the oracle {[*(found - own)]}"
            self._world.differs(f"partition {row.part}: the product says {said}")


def _exact(own: Contribution) -> tuple[object, ...]:
    return (*own[:9], None if own.amount is None else exact(own.amount), own.breaches)


def _as_entry(own: tuple[Any, ...]) -> tuple[object, ...]:
    contribution = Contribution(*own)
    return (
        contribution.agreement,
        contribution.objective,
        Outcome(contribution.outcome).value,
        contribution.group,
        contribution.amount,
    )


def _named(row: BreachRow) -> tuple[object, ...]:
    return (row.objective, row.grp, row.item, row.cycle, row.opened_at, row.closed_at)
