"""The core and the oracle agree on the first seeds (`make oracle SEEDS=n` takes more)."""

import pytest

from tests.oracle.differences import by_oracle, difference, minimised
from tests.oracle.generate import Case, case


@pytest.mark.parametrize("seed", range(60))
def test_the_core_says_what_the_oracle_says(seed: int) -> None:
    given = case(seed)
    assert difference(given) is None


def test_the_seeds_reach_every_state_of_a_clock() -> None:
    states = {clock["state"] for seed in range(60) for clock in by_oracle(case(seed))["clocks"]}
    assert states == {
        *("running", "paused", "met", "breached_open", "breached_closed"),
        *("cancelled", "superseded"),
    }


def test_a_difference_is_shown_with_few_events(monkeypatch: pytest.MonkeyPatch) -> None:
    def any_reply(given: Case) -> bool:
        return any(event.get("type") == "ticket.replied" for event in given.events)

    monkeypatch.setattr("tests.oracle.differences.differs", any_reply)
    seed = next(seed for seed in range(100) if any_reply(case(seed)))
    assert len(minimised(case(seed)).events) == 1
