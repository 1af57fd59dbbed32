"""The generations of documents that this process folds and judges under, compiled.

Documents come from the database, where every evaluator finds the same; which of them are in use
or being built is looked up again and again.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import asyncpg

from services.evaluator.placing import Places, Placing
from services.evaluator.tidying import tidy
from shared.documents import File, Loaded, load_texts
from shared.domain.agreement import Catalogue, Objective, Percentile, Version, objective_id
from shared.domain.instant import Instant
from shared.domain.plan import Plan, compile_plan
from shared.runtime import generations
from shared.runtime.database import Pool, create_pool, snapshot, transaction
from shared.runtime.generations import Documents
from shared.wire.pane_keys import pane_key

KEPT: Final = 4
"""Compiled generations that are kept."""


class Compiled:
    """A generation as the fold and the judge use it.

    `built` says for which generation the panes of each objective (`<agreement>/<objective>`) were
    built; `fresh` are those that were built for this one, and `fresh_plan` measures just their
    agreements. `place` and `holds` are those of its `Places`.
    """

    def __init__(self, number: int, catalogue: Catalogue, built: Mapping[str, int]) -> None:
        """Compile it."""
        self.number = number
        self.catalogue = catalogue
        self.built = built
        self.plan: Plan = compile_plan(catalogue)
        found = objectives(catalogue)
        since = {key: built.get(objective_id(*key), 0) for key in found}
        places = Places(
            {
                key: Placing(
                    own.window.pane, since[key], by_time=isinstance(own.target, Percentile)
                )
                for key, own in found.items()
            }
        )
        self.place, self.holds = places.place, places.holds
        self.fresh = frozenset(key for key, own in since.items() if own == number and own)

    @cached_property
    def fresh_plan(self) -> Plan:
        """What is measured for the agreements of `fresh`: all that has to be built."""
        return compile_plan(self.catalogue, {agreement for agreement, _ in self.fresh})

    @cached_property
    def objectives(self) -> Mapping[str, tuple[tuple[str, str], Objective]]:
        """Each objective by its name, with the agreement and its own name in that."""
        return {objective_id(*key): (key, own) for key, own in objectives(self.catalogue).items()}

    @cached_property
    def unchanged(self) -> list[str]:
        """The objectives whose panes were built for a generation before."""
        fresh = {objective_id(*key) for key in self.fresh}
        return [name for name in self.objectives if name not in fresh]

    @cached_property
    def keys(self) -> Mapping[str, str]:
        """The key of each objective's panes, by its name."""
        return {name: pane_key(name, self.built.get(name, 0)) for name in self.objectives}

    def regrouped(self, before: "Compiled") -> list[str]:
        """The objectives that other documents grouped otherwise."""
        known = before.objectives
        return [
            name
            for name, (_, own) in self.objectives.items()
            if name in known and known[name][1].group_by != own.group_by
        ]


@dataclass(frozen=True, slots=True)
class InUse:
    """The generation in use and the one being built, if there is one."""

    current: Compiled
    building: Compiled | None = None

    @property
    def building_number(self) -> int | None:
        """The number of the one being built."""
        return None if self.building is None else self.building.number


class Generations:
    """Looks up and compiles generations; everything else in the process asks here."""

    def __init__(self, pool: Pool) -> None:
        """Nothing is looked up yet."""
        self._pool = pool
        self._compiled: dict[int, Compiled] = {}
        self._in_use: InUse | None = None
        self._turn = asyncio.Lock()

    @property
    def in_use(self) -> InUse:
        """As looked up last."""
        if self._in_use is None:
            message = "no generation of documents is in use yet"
            raise LookupError(message)
        return self._in_use

    def group_by(self, objective: str, in_use: int) -> tuple[str, ...]:
        """What the windows of an objective are grouped by; `in_use` is the generation in use."""
        found = self._with(objective, in_use)
        return () if found is None else found.objectives[objective][1].group_by

    def judging(self, objective: str, at: Instant, in_use: int) -> tuple[Version, Objective] | None:
        """The version that judges an objective at the instant; `in_use` is as in `group_by`."""
        found = self._with(objective, in_use)
        if found is None:
            return None
        agreement, name = found.objectives[objective][0]
        return found.catalogue.agreements[agreement].judging(name, at)

    def _with(self, objective: str, in_use: int) -> Compiled | None:
        """The documents in use where they have the objective, else the latest known that do."""
        several = sorted(
            self._compiled.values(), key=lambda own: (own.number == in_use, own.number)
        )
        return next((own for own in reversed(several) if objective in own.objectives), None)

    def __getitem__(self, number: int) -> Compiled:
        """One that has been looked up."""
        return self._compiled[number]

    async def look_up(self) -> InUse:
        """Look up which are in use now, and compile them."""
        async with self._turn:
            async with snapshot(self._pool) as connection:
                current, building = await generations.numbers(connection)
            if current is None:
                message = "no documents are in use: no evaluator has proposed any"
                raise LookupError(message)
            self._in_use = InUse(
                await self.compiled(current),
                None if building is None else await self.compiled(building),
            )
            return self._in_use

    async def compiled(self, number: int) -> Compiled:
        """The generation of that number."""
        found = self._compiled.get(number)
        if found is None:
            async with snapshot(self._pool) as connection:
                row = await generations.read(connection, number)
            texts = [File(name, text) for name, text in row.files]
            loaded = await asyncio.to_thread(load_texts, texts)
            if loaded.catalogue is None:
                message = f"generation {number} of the documents does not load: {loaded.problems}"
                raise RuntimeError(message)
            found = self._compiled[number] = Compiled(number, loaded.catalogue, row.built)
            for old in sorted(self._compiled)[:-KEPT]:
                if self._in_use is None or old != self._in_use.current.number:
                    del self._compiled[old]
        return found

    async def tidy(self, *, now: Instant) -> bool:
        """Delete some of what was built for former ones; whether some may be left."""
        return await tidy(self._pool, now=now)

    async def propose(self, loaded: Loaded, *, by: str, now: Instant) -> int | None:
        """Have other documents built and used; None when they are already."""
        catalogue = loaded.catalogue
        if catalogue is None:
            message = "documents that do not load cannot be used"
            raise ValueError(message)
        documents = Documents(
            catalogue.digest,
            [(file.file, file.text) for file in loaded.texts],
            catalogue.contents,
            {objective_id(*key): key[0] for key in objectives(catalogue)},
        )
        async with transaction(self._pool) as connection:
            return await generations.propose(connection, documents, by=by, now=now)


async def are_some_in_use(database_url: str) -> bool:
    """Whether documents of some generation are in use, with which a process can go on."""
    try:
        async with (
            await create_pool(database_url, service="evaluator", size_max=1) as pool,
            snapshot(pool) as connection,
        ):
            current, _ = await generations.numbers(connection)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        return False
    return current is not None


def objectives(catalogue: Catalogue) -> dict[tuple[str, str], Objective]:
    """Every objective by (agreement, name): what is the same in all its versions counts."""
    found: dict[tuple[str, str], Objective] = {}
    for name, agreement in sorted(catalogue.agreements.items()):
        for version in agreement.versions:
            for own in version.objectives:
                found.setdefault((name, own.name), own)
    return found
