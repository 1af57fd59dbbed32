"""The documents in use as the api has them: compiled, by the number of their generation."""

import asyncio
from dataclasses import dataclass
from typing import Final

from services.api.reading.objectives import Objectives
from shared.documents import File, load_texts
from shared.domain.plan import Plan, compile_plan
from shared.runtime import generations
from shared.runtime.database import Connection

KEPT: Final = 4
"""Generations of documents that are kept compiled."""


@dataclass(frozen=True, slots=True)
class Documents:
    """Documents compiled; `number` is that of their generation, 0 for those loaded at the start."""

    objectives: Objectives
    plan: Plan
    number: int = 0


class InUse:
    """Whatever documents are in use at a moment of the database."""

    def __init__(self, first: Documents) -> None:
        """Those loaded at the start are in use until the database knows others."""
        self._first = first
        self._known: dict[int, Documents] = {}

    @property
    def latest(self) -> Documents:
        """The latest that were seen."""
        return self._known[max(self._known)] if self._known else self._first

    async def at(self, connection: Connection, number: int | None) -> Documents:
        """Those of a generation, read where they are not known yet; None: no generation yet."""
        if number is None:
            return self._first
        documents = self._known.get(number)
        if documents is None:
            documents = await _compiled(connection, number)
            self._known[number] = documents
            for old in sorted(self._known)[:-KEPT]:
                del self._known[old]
        return documents


async def _compiled(connection: Connection, number: int) -> Documents:
    row = await generations.read(connection, number)
    loaded = await asyncio.to_thread(load_texts, [File(*file) for file in row.files])
    if loaded.catalogue is None:
        message = f"generation {number} of the documents does not load: {loaded.problems}"
        raise RuntimeError(message)
    objectives = Objectives(loaded.catalogue, row.built)
    return Documents(objectives, compile_plan(loaded.catalogue), number)
