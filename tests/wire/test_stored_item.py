"""What is stored of an item comes back as it was."""

from decimal import Decimal

import pytest

from shared.domain.contribution import Contribution
from shared.domain.event import Event
from shared.domain.measure import Amount, Outcome
from shared.wire.stored_item import (
    Placed,
    UnreadableItemError,
    pack_item,
    unpack_events,
    unpack_item,
)

EVENTS = [Event("ticket", "T:1", "/a", "1", "ticket.created", 5, {"team": "emea"})]
RUNNING = Contribution(
    "a", "b", ("x", ""), 1, 0, Outcome.RUNNING, None, None, None, None, breaches=False
)
CLOSED = Contribution("a", "c", (), 2, 1, Outcome.BREACHED_CLOSED, 3, 5, 9, 4, breaches=True)
POSTED = [(RUNNING, Placed(7, bucketed=False)), (CLOSED, Placed(-3, bucketed=True))]


def test_events_and_what_was_posted_come_back() -> None:
    body = pack_item(EVENTS, POSTED)
    assert unpack_item("ticket:T:1", body) == (EVENTS, POSTED)
    assert unpack_events("ticket:T:1", body) == EVENTS
    assert all(isinstance(own.outcome, Outcome) for own, _ in unpack_item("ticket:T:1", body)[1])


@pytest.mark.parametrize(
    "amount", [0, 10**30, -(10**399), 1 << 63, -(1 << 63), Decimal("0.10"), Decimal("1e400")]
)
def test_amounts_come_back_as_the_same_numbers_beside_integers(amount: Amount) -> None:
    own = RUNNING._replace(outcome=Outcome.COUNTED, amount=amount)
    posted = [(own, Placed(0, bucketed=False)), *POSTED]
    _, found = unpack_item("ticket:T:1", pack_item([], posted))
    assert found == posted
    assert [type(one.amount) for one, _ in found if one.cycle == 2] == [int]


@pytest.mark.parametrize("body", [b"", b"\x00", b"\x93\x02\xc4\x00\x90"])
def test_a_body_of_another_program_is_refused(body: bytes) -> None:
    with pytest.raises(UnreadableItemError):
        unpack_events("ticket:T-1", body)
