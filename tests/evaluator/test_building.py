"""Building for documents to come: what agreements that changed say nothing of is left alone."""

from typing import cast

from prometheus_client import Counter

from services.evaluator import fold
from services.evaluator.fold import Folder
from services.evaluator.generations import Compiled
from services.evaluator.partition import Partition
from services.evaluator.posting import Posting
from services.evaluator.store import Progress, Store
from shared.domain.agreement import Catalogue
from shared.domain.event import Event
from shared.domain.instant import HOUR, Instant
from shared.domain.plan import compile_plan
from shared.wire.stored_item import pack_item
from tests.domain.building import (
    a_catalogue,
    a_version,
    an_agreement,
    an_event,
    an_objective,
    at,
    only,
)

SMITH = an_agreement(a_version(an_objective(), name="smith", applies_to=only("customer", "smith")))
OTHERS = an_agreement(a_version(an_objective(), name="others"))
NOW = at("12:00")


class Stored:
    """A store of one partition's items."""

    def __init__(self, rows: dict[str, bytes]) -> None:
        """These."""
        self.rows = rows
        self.read = 0

    async def load_after(
        self, part: int, key: str, limit: int
    ) -> list[tuple[int, str, bytes, Instant | None]]:
        """The next ones, none of them due."""
        found = [own for own in sorted(self.rows) if own > key][:limit]
        self.read += len(found)
        return [(part, own, self.rows[own], None) for own in found]


def created(customer: str) -> Event:
    event = an_event("created", "09:00")
    event.data = {"customer": customer}
    return event


def a_building_partition() -> Partition:
    building = (1, 2, None, False)
    own = Partition.claimed(Progress(0, 1, 10, NOW, NOW, None, "cluster", *building, None))
    own.evaluation_time = NOW
    return own


def a_folder(store: Stored, catalogue: Catalogue, *changed: str) -> Folder:
    built = {f"{name}/o": 2 for name in changed}
    generations = {1: Compiled(1, catalogue, {}), 2: Compiled(2, catalogue, built)}
    events = Counter("events", "", ["outcome"], registry=None)
    return Folder(cast("Store", store), generations, events)


async def test_only_items_that_the_changed_agreements_count_are_written() -> None:
    rows = {
        f"ticket:{number}": pack_item([created("smith" if number < 3 else "jones")], ())
        for number in range(9)
    }
    folder = a_folder(Stored(rows), a_catalogue(SMITH, OTHERS), "smith")
    partition, posting = a_building_partition(), Posting(NOW)
    assert await folder.build(posting, partition) == 9
    assert partition.built
    assert [row.key for row in posting.items] == ["ticket:0", "ticket:1", "ticket:2"]
    assert {window for window, *_ in posting.panes} == {"smith/o#2"}


async def test_items_of_other_kinds_are_passed_by_and_of_these_so_many_are_folded_at_once() -> None:
    rows = {f"lead:{number:04}": pack_item([], ()) for number in range(1_000)}
    body = pack_item([created("smith")], ())
    rows |= {f"ticket:{number:04}": body for number in range(3 * fold.BUILD_MAX)}
    store = Stored(rows)
    folder = a_folder(store, a_catalogue(SMITH, OTHERS), "smith")
    partition, posting = a_building_partition(), Posting(NOW)
    await folder.build(posting, partition)
    assert store.read == 1_000 + fold.BUILD_MAX
    assert len(posting.items) == fold.BUILD_MAX
    assert partition.built_until == f"ticket:{fold.BUILD_MAX - 1:04}"
    assert not partition.built


async def test_an_item_that_is_due_earlier_under_documents_to_come_is_written() -> None:
    rows = {"ticket:1": pack_item([created("smith")], ())}
    store = Stored(rows)
    folder = a_folder(store, a_catalogue(SMITH), "smith")
    partition, posting = a_building_partition(), Posting(NOW)
    partition.evaluation_time = at("09:30")
    await folder.build(posting, partition)
    [row] = posting.items
    assert row.next_due == at("09:00") + HOUR + 1


def test_a_plan_of_no_agreement_measures_nothing() -> None:
    assert compile_plan(a_catalogue(SMITH, OTHERS), ()) == {}
