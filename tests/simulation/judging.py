"""Who reads what the fold writes: as of when objectives are judged, what is announced, the switch.

The judge's statements are not run here (real databases try them); what they rest on is: the
evaluation times that they compare, the marks that say what to judge again, and the order of what
is announced.
"""

import asyncio
from typing import Any, Final

from services.evaluator.breaches import BreachRow, Told, news
from services.evaluator.generations import Compiled
from services.evaluator.partition import ALLOWED_DISORDER
from services.evaluator.rows import Window
from shared.documents import Loaded
from shared.domain.instant import Instant
from shared.domain.measure import Measure
from shared.runtime.conventions import RUNNING_PANE
from shared.wire.pane_keys import pane_key
from tests.simulation.database import Breach, Database, Generation, Tables
from tests.simulation.held import compiled_as
from tests.simulation.watching import Watch
from tests.simulation.world import World

PAUSE_S: Final = 0.06
SUSPECTS: Final = 12
Place = tuple[str, str, Instant]


class Judging:
    """Judges, confirms, announces, and switches documents."""

    def __init__(
        self, world: World, database: Database, watch: Watch, known: dict[str, Loaded]
    ) -> None:
        """Nothing is judged yet."""
        self._world = world
        self._database = database
        self._watch = watch
        self._known = known
        self._as_of: Instant = 0
        self._watermark: Instant = 0
        self._is_switching = False
        self._suspects = 0
        """How many more times everything judged is looked at: documents have changed."""
        self.judged: dict[Place, list[Any]] = {}
        self.walked: dict[Place, list[Any]] = {}
        self.confirmed: dict[str, Instant] = {}
        """The breaches that were said to be so, and the watermark at which."""

    async def run(self) -> None:
        """Look again and again."""
        while True:
            await asyncio.sleep(PAUSE_S * (0.5 + self._world.dice.random()))
            if self._database.tables.progress:
                self.look()

    def look(self) -> None:
        """Judge, confirm and announce what can be by now."""
        self._judge()
        if self._suspects:
            self._suspects -= 1
            self.check()
        self._confirm()
        self._announce()
        building = self._database.tables.in_state("building")
        if building is not None and self._is_built(building) and not self._is_switching:
            self._switch(building.number)

    def _judge(self) -> None:
        tables = self._database.tables
        rows = tables.progress.values()
        as_of, watermark = min(r.evaluation_time for r in rows), min(r.watermark for r in rows)
        if as_of < self._as_of or watermark < self._watermark:
            self._world.differs("as_of or the watermark of all went back")
        self._as_of, self._watermark = as_of, watermark
        current = tables.in_state("current")
        if current is None or as_of <= 0:
            return
        due = {window for window, since in tables.queue if since <= as_of}
        tables.queue = [own for own in tables.queue if own[1] > as_of]
        for objective, grp, start in due:
            self._say(current, (objective, grp, start))

    def _say(self, current: Generation, place: Place) -> None:
        """Judge a window by its panes, and walk over it as far as evaluation has come."""
        self.judged[place] = self.total(current, *place)
        self.walked[place] = self.walk(current, place)

    def walk(self, current: Generation, place: Place) -> list[Any]:
        """What was decided in a window, by instant, as far as evaluation has come."""
        objective, grp, start = place
        if objective not in current.built:
            return []
        key = (pane_key(objective, current.built[objective]), grp, start)
        seen = self._watch.walks.get(key, {})
        return sorted((*at, n) for at, n in seen.items() if n and at[0] <= self._as_of)

    def total(self, current: Generation, objective: str, grp: str, start: Instant) -> list[Any]:
        """What the panes of all partitions say of a window."""
        numbers = [*Measure()]
        if objective in current.built:
            key = (pane_key(objective, current.built[objective]), grp, start)
            for part in self._database.tables.progress:
                own = self._database.tables.panes.get((*key, part), numbers[:0])
                numbers = [a + b for a, b in zip(numbers, own, strict=True)] if own else numbers
        return numbers

    def check(self) -> None:
        """What was judged is what the panes say, but for what is marked and waits for its time."""
        for place in self._unjudged():
            self._world.differs(f"nobody was told that {place} has changed")

    def _unjudged(self) -> list[Place]:
        tables = self._database.tables
        current = tables.in_state("current")
        assert current is not None
        places = {
            (objective, grp, start)
            for objective, built in current.built.items()
            for key, grp, start, _ in tables.panes
            if key == pane_key(objective, built) and start != RUNNING_PANE
        }
        nothing = [*Measure()]
        waiting = {(*window,) for window, _ in tables.queue}
        return [
            place
            for place in sorted(places - waiting)
            if self.judged.get(place, nothing) != self.total(current, *place)
            or self.walked.get(place, []) != self.walk(current, place)
        ]

    # --- breaches -------------------------------------------------------------------------

    def _confirm(self) -> None:
        tables = self._database.tables
        for id_, breach in tables.breaches.items():
            watermark = tables.progress[breach.row.part].watermark
            if breach.confirmed or breach.row.withdrawn_at is not None:
                continue
            if breach.row.opened_at <= watermark:
                breach.confirmed = breach.unannounced = True
                self.confirmed[id_] = watermark

    def _announce(self) -> None:
        progress = self._database.tables.progress
        for id_, breach in self._database.tables.breaches.items():
            row = breach.row
            if not breach.unannounced:
                continue
            if row.opened_at > progress[row.part].watermark + ALLOWED_DISORDER:
                continue
            breach.unannounced = False
            standing = row.withdrawn_at is None
            state = Told(
                standing, standing and breach.confirmed, row.closed_at if standing else None
            )
            for what in news(Told.read(breach.announced), state):
                self._world.note(f"announces {id_[:8]} {what}")
                self._check_said(id_, breach, what)
            breach.announced = state.write()

    def _check_said(self, id_: str, breach: Breach, what: str) -> None:
        """Announcements make a story: opened, confirmed, closed, restated; withdrawn, opened."""
        last = breach.said[-1] if breach.said else "withdrawn"
        if (what == "opened") is not (last == "withdrawn"):
            self._world.differs(f"breach {id_} is {what} after {breach.said}")
        breach.said.append(what)

    # --- documents ------------------------------------------------------------------------

    def _is_built(self, own: Generation) -> bool:
        rows = self._database.tables.progress.values()
        return own.state == "building" and all(r.built and r.building == own.number for r in rows)

    def _switch(self, number: int) -> None:
        """Lock everything, look again, and use what is built."""
        database = self._database
        tables = database.tables
        self._is_switching = True
        own = database.begin()

        def locked() -> None:
            self._is_switching = False
            if not self._is_built(tables.generations[number]):
                database.roll_back(own)
                return
            own.changes.append(lambda: self._use(tables, number))
            self._world.loop.outside(database.way(), database.commit, own)

        database.lock(own, tables.progress, locked)

    def _use(self, tables: Tables, number: int) -> None:
        before, after = tables.in_state("current"), tables.generations[number]
        assert before is not None
        before.state, after.state = "retired", "current"
        for row in tables.progress.values():
            row.generation, row.building, row.built_until, row.built = number, None, None, False
        compiled = compiled_as(self._known, after)
        exchange(tables, compiled, now=self._world.now)
        self._world.met["documents switched"] += 1
        self._world.note(f"generation {number} is in use")
        self._as_of = min(row.evaluation_time for row in tables.progress.values())
        self._suspects = SUSPECTS
        tables.queue = [own for own in tables.queue if own[0].objective in after.built]
        for place in [own for own in self.judged if own[0] not in compiled.unchanged]:
            del self.judged[place], self.walked[place]
        for objective in sorted({*after.built} - {*compiled.unchanged}):
            for key, grp, start, _ in tables.panes:
                if key == pane_key(objective, after.built[objective]):
                    self._say(after, (objective, grp, start))
        self.queue_ahead(after, compiled)

    def queue_ahead(self, after: Generation, compiled: Compiled) -> None:
        """What `services.evaluator.exchange.queue_ahead` does."""
        keys = {
            pane_key(objective, built): objective
            for objective, built in after.built.items()
            if objective not in compiled.unchanged
        }
        for (key, grp, start), seen in self._watch.walks.items():
            ahead = [at for at, _ in seen if at > self._as_of]
            if key in keys and ahead:
                window = Window(keys[key], grp, start)
                self._database.tables.queue += [(window, min(ahead)), (window, max(ahead))]


def exchange(tables: Tables, compiled: Compiled, *, now: Instant) -> None:
    """What `services.evaluator.exchange.exchange_breaches` does."""
    number = compiled.number
    coming: dict[str, BreachRow] = {
        id_: row
        for (own, id_), row in tables.breach_next.items()
        if own == number and row.withdrawn_at is None
    }
    for id_, row in coming.items():
        known = tables.breaches.get(id_)
        if known is None:
            tables.breaches[id_] = Breach(row)
            continue
        changed = known.row._replace(
            part=row.part, grp=row.grp, closed_at=row.closed_at, withdrawn_at=None
        )
        known.unannounced = known.unannounced or changed != known.row
        known.row = changed
    for id_, known in tables.breaches.items():
        row = known.row
        if id_ in coming or row.withdrawn_at is not None or row.objective in compiled.unchanged:
            continue
        known.row, known.unannounced = row._replace(withdrawn_at=now), True
    for key in [own for own in tables.breach_next if own[0] <= number]:
        del tables.breach_next[key]
