"""The folder of documents is watched: what loads is proposed once, what does not is told."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from prometheus_client import CollectorRegistry

from services.evaluator import following
from services.evaluator.figures import Figures
from services.evaluator.following import Following
from services.evaluator.generations import Generations
from services.evaluator.partition import Built
from services.evaluator.partitions import Partitions
from shared.documents import Loaded, load
from shared.domain.instant import Instant

DOCUMENT = """
apiVersion: accord/v1
kind: Agreement
metadata: {name: acme}
spec:
  level: customer
  parties: {provider: support, customer: acme}
  effective: {from: "2026-01-01T00:00:00Z"}
  objectives:
    - {name: leads, kpi: new-leads, target: {atLeast: 2}, window: {calendar: day}}
---
apiVersion: accord/v1
kind: Kpi
metadata: {name: new-leads}
spec: {item: lead, measure: count, event: {event: lead.created}}
"""


class Proposed:
    """Notes what is proposed, but refuses the first `away` times, as a database that is away."""

    def __init__(self) -> None:
        self.away = 0
        self.refused = 0
        self.targets: list[str] = []

    looks = 0

    async def look_up(self) -> object:
        """What is in use."""
        self.looks += 1
        return SimpleNamespace(current=SimpleNamespace(number=1), building=None)

    async def propose(self, loaded: Loaded, *, by: str, now: Instant) -> int:
        """Note the target."""
        assert by == "here"
        assert now == 7
        if self.away:
            self.away -= 1
            self.refused += 1
            raise ConnectionRefusedError
        (file,) = loaded.texts
        self.targets.append(file.text.partition("atLeast: ")[2][0])
        return len(self.targets)

    async def tidy(self, *, now: Instant) -> bool:
        """Nothing is left over."""
        del now
        return False


class Nothing:
    """No partitions."""

    built_so_far = Built(0, 0, 0, 0)

    async def follow(self) -> bool:
        """Nothing is built."""
        return False


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "PAUSE_S", 0.001)
    monkeypatch.setattr(following, "LOOK_S", 0.0)


class Watching:
    """A folder that is followed."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "documents.yaml"
        self.promise(2)
        self.registry = CollectorRegistry()
        self.proposed = Proposed()
        self.following = Following(
            cast("Generations", self.proposed),
            Figures(self.registry, "events"),
            folder,
            clock=lambda: 7,
            owner="here",
        )
        self.loaded = load(folder)

    def promise(self, leads: int) -> None:
        """Promise so many leads."""
        text = DOCUMENT.replace("atLeast: 2", f"atLeast: {leads}")
        self.path.write_text(text, encoding="utf-8")

    @property
    def problem(self) -> float | None:
        """What the metric says."""
        return self.registry.get_sample_value("accord_documents_problem")

    async def looks(self, count: int) -> None:
        """Look into the folder so often."""
        end = self.proposed.looks + count
        await self.until(lambda: self.proposed.looks >= end)

    async def until(self, check: Callable[[], bool]) -> None:
        """Follow the folder until the check holds; an end of the time is a failure."""
        stopping = asyncio.Event()
        run = asyncio.create_task(self.following.run(cast("Partitions", Nothing()), stopping))
        async with asyncio.timeout(20):
            while not check():  # noqa: ASYNC110 - what is waited for sets no event
                await asyncio.sleep(0.001)
        stopping.set()
        await run


@pytest.fixture
def watching(quick: None, tmp_path: Path) -> Watching:
    del quick
    return Watching(tmp_path)


async def test_a_change_is_proposed_once_and_another_layout_is_none(watching: Watching) -> None:
    await watching.following.begin(watching.loaded)
    watching.promise(3)
    await watching.until(lambda: watching.proposed.targets == ["2", "3"])
    text = watching.path.read_text(encoding="utf-8")
    watching.path.write_text("# the same\n" + text, encoding="utf-8")
    await watching.looks(2)
    assert watching.proposed.targets == ["2", "3"]


async def test_a_change_is_proposed_again_when_the_database_was_away(watching: Watching) -> None:
    await watching.following.begin(watching.loaded)
    watching.proposed.away = 3
    watching.promise(3)
    await watching.until(lambda: watching.proposed.targets == ["2", "3"])
    assert watching.proposed.refused == 3


async def test_a_change_between_the_reading_and_the_beginning_is_seen(watching: Watching) -> None:
    watching.promise(3)
    await watching.following.begin(watching.loaded)
    await watching.until(lambda: watching.proposed.targets == ["2", "3"])


async def test_what_does_not_load_is_told_once_and_forgotten_when_it_is_mended(
    watching: Watching, caplog: pytest.LogCaptureFixture
) -> None:
    await watching.following.begin(watching.loaded)
    good = watching.path.read_text(encoding="utf-8")
    watching.path.write_text(good.replace("kind: Kpi", "kind: Kpy"), encoding="utf-8")
    with caplog.at_level(logging.ERROR):
        await watching.until(lambda: watching.following.problem is not None)
        watching.path.write_text(watching.path.read_text() + "\n", encoding="utf-8")
        await watching.looks(3)
    assert "documents.yaml:10: no KPI" in str(watching.following.problem)
    assert watching.problem == 1
    told = [own for own in caplog.records if "stay in use" in own.getMessage()]
    assert len(told) == len(load(watching.path).problems)
    assert watching.proposed.targets == ["2"]
    watching.path.write_text(good, encoding="utf-8")
    await watching.until(lambda: watching.following.problem is None)
    assert watching.problem == 0
    assert watching.proposed.targets == ["2"]
