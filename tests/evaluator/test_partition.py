"""The evaluation time of a partition (ADR 8)."""

from services.evaluator.partition import ALLOWED_DISORDER, PROOF_LAG_MAX, Held, Partition, Proof
from services.evaluator.store import Progress
from shared.domain.instant import HOUR
from shared.domain.item import Item

NOW = 100 * HOUR


def partition(
    *, reached: int = 0, due: int | None = None, digest: bytes | None = None
) -> Partition:
    building = (1, None, None, False)
    row = Progress(0, 1, 10, reached, 0, digest, "cluster", *building, due)
    return Partition.claimed(row)


def test_until_it_is_proven_it_is_the_largest_event_time() -> None:
    own = partition()
    own.latest = NOW - HOUR
    own.advance(now=NOW)
    assert own.evaluation_time == NOW - HOUR
    move = own.move(10)
    assert (move.evaluation_time, move.proven, move.watermark) == (NOW - HOUR, False, 0)


def test_events_of_the_future_never_take_it_past_the_wall_clock() -> None:
    own = partition()
    own.latest = NOW + HOUR
    own.advance(now=NOW)
    assert own.evaluation_time == NOW


def test_it_is_proven_once_everything_of_then_is_consumed() -> None:
    own = partition()
    own.proof = Proof(NOW, 12)
    own.advance(now=NOW)
    assert own.evaluation_time == 0
    own.next_offset = 12
    own.advance(now=NOW)
    move = own.move(10)
    assert (move.evaluation_time, move.proven) == (NOW, True)
    assert move.watermark == NOW - ALLOWED_DISORDER


def test_nothing_is_proven_before_the_last_folded_record_was_seen_again() -> None:
    own = partition(digest=b"1")
    own.proof = Proof(NOW, 10)
    own.advance(now=NOW)
    assert own.evaluation_time == 0


def test_it_never_goes_back_not_even_over_a_restart() -> None:
    own = partition(reached=NOW)
    own.latest = NOW - HOUR
    own.advance(now=NOW - HOUR)
    assert own.move(10).evaluation_time == NOW


def test_it_is_reached_only_when_nothing_is_due_before_it() -> None:
    own = partition(reached=HOUR, due=NOW)
    own.proof = Proof(NOW, 10)
    own.advance(now=NOW)
    assert own.is_due
    move = own.move(10)
    assert (move.evaluation_time, move.proven, move.watermark) == (HOUR, False, 0)
    own.due = None
    assert own.move(10).evaluation_time == NOW


def test_under_load_events_a_little_ahead_of_the_proof_leave_it_proven() -> None:
    own = partition()
    own.proof = Proof(NOW - PROOF_LAG_MAX, 10)
    own.advance(now=NOW)
    own.latest = NOW
    own.advance(now=NOW)
    assert own.move(10).proven
    own.latest = NOW + 1
    own.advance(now=NOW + 1)
    assert not own.move(10).proven


def test_the_items_used_longest_ago_go_but_none_of_the_last_two_batches() -> None:
    own = partition()
    for batch in ("ab", "cd", "ae"):
        for key in batch:
            own.hold(key, own.items.get(key) or Held(Item({}, "ticket", key), ()))
        own.end_batch(1)
    assert [*own.items] == ["c", "d", "a", "e"]
    own.end_batch(1)
    assert [*own.items] == ["a", "e"]
    own.end_batch(1)
    assert [*own.items] == ["e"]


def test_documents_are_through_when_they_are_adopted_and_built() -> None:
    own = partition()
    assert own.is_through_with(1, None)
    assert not own.is_through_with(2, None)
    assert not own.is_through_with(1, 2)
    assert own.adopt(1, 2)
    assert not own.is_through_with(1, 2)
    own.built = True
    assert own.is_through_with(1, 2)
