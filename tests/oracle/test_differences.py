"""The core and the oracle agree on the first seeds (`make oracle SEEDS=n` takes more)."""

from collections import Counter
from typing import Any

import pytest

from tests.oracle import differences
from tests.oracle.differences import by_oracle, difference
from tests.oracle.generate import Case, case
from tests.oracle.minimising import minimised

SEEDS = 300


@pytest.mark.parametrize("first", range(0, SEEDS, 20))
def test_the_core_says_what_the_oracle_says(first: int) -> None:
    found = {seed: difference(case(seed)) for seed in range(first, first + 20)}
    assert {seed: text for seed, text in found.items() if text is not None} == {}


def test_the_seeds_reach_what_there_is_to_say() -> None:
    states: Counter[str] = Counter()
    windows: Counter[tuple[str, str]] = Counter()
    breaches: Counter[str] = Counter()
    for seed in range(SEEDS):
        answer = by_oracle(case(seed))
        states.update(clock["state"] for clock in answer["clocks"])
        windows.update((kind(row), row["state"]) for row in answer["objectives"])
        breaches.update(breach["scope"] for breach in answer["breaches"])
    assert set(states) == {
        *("running", "paused", "met", "breached_open", "breached_closed"),
        *("cancelled", "superseded"),
    }
    judged = {"ok", "breached", "no_data"}
    assert windows.keys() >= {
        *((kind, state) for kind in ("within", "percentile", "mean") for state in judged),
        *((kind, state) for kind in ("ratio", "cohort") for state in judged),
        *((kind, "at_risk") for kind in ("within", "percentile", "ratio", "cohort", "number")),
        ("number", "excluded"),
    }
    assert breaches["item"] > 100 < breaches["window"]


def kind(row: dict[str, Any]) -> str:
    """What is measured and promised in a row of `objectives`."""
    target, counts = row["target"], row["counts"]
    if "pending" in counts:
        return "cohort"
    if "total" in counts:
        return "ratio"
    return next((k for k in ("within", "percentile", "mean") if k in target), "number")


def test_a_difference_is_shown_with_few_events() -> None:
    def any_reply(given: Case) -> str | None:
        replies = [e for e in given.events if e.get("type") == "ticket.replied"]
        return "evaluate: clocks" if replies else None

    seed = next(seed for seed in range(100) if any_reply(case(seed)))
    assert len(minimised(case(seed), any_reply).events) == 1


def test_a_refusal_of_valid_documents_is_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = {"apiVersion": "accord/v1", "kind": "Unknown", "metadata": {"name": "x"}, "spec": {}}
    given = case(0)
    answer = by_oracle(given)
    monkeypatch.setattr(differences, "by_oracle", lambda _: answer)
    found = difference(given.with_documents([*given.documents, unknown]))
    assert found is not None
    assert "refused" in found
