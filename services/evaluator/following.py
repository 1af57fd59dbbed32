"""Documents that change while it runs: the folder is watched, new ones proposed, built and used.

    folder -> proposal -> built partition by partition, beside -> switched by the judge

What does not load is refused with its problems, and the last good documents stay in use.
"""

import asyncio
import logging
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from services.evaluator.figures import Figures
from services.evaluator.generations import Generations
from services.evaluator.partitions import Partitions
from shared.documents import Loaded, load
from shared.documents.files import find
from shared.runtime.database import PASSING
from shared.runtime.wall_clock import WallClock

PAUSE_S: Final = 1.0
LOOK_S: Final = 2.0
REPORT_S: Final = 10.0
TIDY_PAUSE_S: Final = 0.2
_Stamps = tuple[tuple[str, int, int, int], ...]
_logger: Final = logging.getLogger(__name__)


class Following:
    """Keeps this process at the documents of its folder, and of everybody's."""

    def __init__(
        self,
        generations: Generations,
        figures: Figures,
        folder: Path | None,
        *,
        clock: WallClock,
        owner: str,
    ) -> None:
        """`folder` is watched, if there is one; `owner` is written down as who proposes."""
        self._generations = generations
        self._figures = figures
        self._folder = folder
        self._clock = clock
        self._owner = owner
        self._stamps: _Stamps = ()
        self._digest = ""
        self.problem: str | None = None
        """Why the folder's latest documents are not in use, if they are not."""

    async def begin(self, loaded: Loaded) -> None:
        """Propose the documents with which the process was started.

        The folder may have changed since they were read: the first look reads it again.
        """
        self._figures.documents_problem.set(0)
        await self._propose(loaded)
        await self._generations.look_up()

    async def run(self, partitions: Partitions, stopping: asyncio.Event) -> None:
        """Watch, propose and build until told to stop."""
        looked = time.monotonic()
        while not stopping.is_set():
            pause = PAUSE_S
            try:
                if time.monotonic() - looked >= LOOK_S:
                    await self._look()
                    looked = time.monotonic()
                await self._follow(partitions, stopping)
                if await self._generations.tidy(now=self._clock()):
                    pause = TIDY_PAUSE_S
            except ValueError:
                raise
            except PASSING as error:
                _logger.warning(
                    "The documents are looked up again in a moment: %r",
                    error,
                    extra={"action": "look_up_again"},
                )
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), pause)

    async def _follow(self, partitions: Partitions, stopping: asyncio.Event) -> None:
        in_use = await self._generations.look_up()
        building = 0 if in_use.building is None else in_use.building.number
        self._figures.documents.labels(state="current").set(in_use.current.number)
        self._figures.documents.labels(state="building").set(building)
        begun = told = time.monotonic()
        left, total = True, 0
        while left and not stopping.is_set():
            step = time.monotonic()
            left = await partitions.follow()
            total += left
            self._show(partitions)
            if left and time.monotonic() - told >= REPORT_S:
                told = time.monotonic()
                _logger.info(
                    "Generation %d of the documents: %d of %d partitions here, %d of %d items.",
                    building,
                    *partitions.built_so_far,
                    extra={"action": "documents_building"},
                )
            # Events that arrive have as much of the time as building has.
            await asyncio.sleep(time.monotonic() - step if left else 0)
            in_use = await self._generations.look_up() if left else in_use
        if total:
            _logger.info(
                "The partitions of this evaluator are built for generation %d in %.1f s.",
                building,
                time.monotonic() - begun,
                extra={"action": "documents_built"},
            )

    def _show(self, partitions: Partitions) -> None:
        so_far = partitions.built_so_far
        self._figures.build_partitions.labels(state="built").set(so_far.partitions)
        self._figures.build_partitions.labels(state="owned").set(so_far.owned)
        self._figures.build_items.labels(state="built").set(so_far.items)
        self._figures.build_items.labels(state="stored").set(so_far.stored)

    async def _look(self) -> None:
        """Load the folder when it has changed."""
        if self._folder is None:
            return
        stamps = await asyncio.to_thread(_stamps, self._folder)
        if stamps == self._stamps:
            return
        await self._propose(await asyncio.to_thread(load, self._folder))
        # Not before they are proposed: a database that is away is asked again.
        self._stamps = stamps

    async def _propose(self, loaded: Loaded) -> None:
        catalogue = loaded.catalogue
        if catalogue is None:
            self._refuse(loaded)
            return
        self.problem = None
        self._figures.documents_problem.set(0)
        if catalogue.digest == self._digest:
            return
        number = await self._generations.propose(loaded, by=self._owner, now=self._clock())
        self._digest = catalogue.digest
        if number is not None:
            _logger.info(
                "Other documents are proposed as generation %d.",
                number,
                extra={"action": "documents_proposed", "digest": catalogue.digest},
            )

    def _refuse(self, loaded: Loaded) -> None:
        first, *more = map(str, loaded.problems)
        before, self.problem = self.problem, first + (f" (and {len(more)} more)" if more else "")
        self._figures.documents_problem.set(1)
        if self.problem == before:
            return
        for problem in loaded.problems:
            _logger.error(
                "The documents do not load, the last good ones stay in use: %s",
                problem,
                extra={"action": "documents_refused"},
            )


def _stamps(folder: Path) -> _Stamps:
    """What tells one state of the folder's files from another."""
    found = []
    for path in find(folder).paths:
        with suppress(OSError):
            status = path.stat()
            found.append((str(path), status.st_mtime_ns, status.st_size, status.st_ino))
    return tuple(found)
