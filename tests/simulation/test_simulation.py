"""Seeds of the simulation: nothing differs, everything goes wrong, mistakes are noticed."""

import subprocess
import sys

import pytest

from tests.simulation.batch import Summary, each
from tests.simulation.bugs import notice
from tests.simulation.run import simulate

SEEDS = 500

FAULTS = {
    "killed",
    "left",
    "stopped",
    "zombie",
    "deaf",
    "rebalance",
    "clock jump",
    "consumer starved",
    "ingest stopped",
    "ingest of a partition stopped",
    "ingest: ended before its commit",
    "input topic grown",
    "documents changed",
    "records expired",
    "records lost",
    "topic made anew",
    "storm",
    "slow",
    "commits lost",
    "commit held up",
    "ended by itself",
} | {
    f"{server}: {what}"
    for server in ("kafka", "database", "database COMMIT")
    for what in ("request lost", "reply lost", "broken meanwhile")
}
MET = {
    "rebalanced",
    "put out of the group",
    "fenced",
    "records delivered again",
    "read out of range",
    "events repeated",
    "events out of order",
    "events behind the watermark",
    "events in new input partitions",
    "records that are no events",
    "documents switched",
}


@pytest.mark.timeout(240)
def test_nothing_differs_whatever_goes_wrong() -> None:
    summary = Summary()
    for result in each(range(SEEDS)):
        summary.add(result)
    assert [(own.seed, own.differences) for own in summary.failed] == []
    assert summary.seeds == SEEDS
    assert {*FAULTS} <= {*summary.faults}
    assert {*MET} <= {*summary.met}


@pytest.mark.parametrize(
    "bug", ["fencing-off", "timer-lost-at-claim", "duplicate-not-detected", "proven-without-ingest"]
)
def test_mistakes_are_noticed(bug: str) -> None:
    assert notice(bug, range(20)).seed is not None


def test_a_mistake_is_made_for_as_long_as_it_is_asked_for() -> None:
    with_it = notice("duplicate-not-detected", range(1))
    assert with_it.seed == 0
    assert simulate(0).differences == ()


def test_a_seed_does_the_same_in_another_process() -> None:
    here = simulate(7)
    script = "from tests.simulation.run import simulate; print(simulate(7).fingerprint)"
    for hash_seed in ("1", "4711"):
        there = subprocess.run(  # noqa: S603 - this Python
            [sys.executable, "-c", script],
            env={"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert there.stdout.strip() == here.fingerprint
    assert simulate(8).fingerprint != here.fingerprint


def test_a_trace_changes_nothing() -> None:
    traced = simulate(3, tracing=True)
    assert traced.trace
    assert traced.fingerprint == simulate(3).fingerprint
