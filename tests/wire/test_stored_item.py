"""What is stored of an item comes back as it was."""

import pytest

from shared.domain.event import Event
from shared.domain.item import Contribution
from shared.domain.measure import Outcome
from shared.wire.stored_item import UnreadableItemError, pack_item, unpack_events, unpack_item

EVENTS = [Event("ticket", "T:1", "/a", "1", "ticket.created", 5, {"team": "emea"})]
POSTED = {
    Contribution("a", "b", ("x", ""), 1, 0, Outcome.RUNNING, None, None, None, breaches=False): 7,
    Contribution("a", "c", (), 2, 1, Outcome.BREACHED_CLOSED, 5, 9, 4, breaches=True): -3,
}


def test_events_and_what_was_posted_come_back() -> None:
    body = pack_item(EVENTS, POSTED)
    assert unpack_item("ticket:T:1", body) == (EVENTS, POSTED)
    assert unpack_events("ticket:T:1", body) == EVENTS
    assert all(isinstance(own.outcome, Outcome) for own in unpack_item("ticket:T:1", body)[1])


@pytest.mark.parametrize("body", [b"", b"\x00", b"\x93\x02\xc4\x00\x90"])
def test_a_body_of_another_program_is_refused(body: bytes) -> None:
    with pytest.raises(UnreadableItemError):
        unpack_events("ticket:T-1", body)
