"""The worked cases of the contract: what the product says of each, and what the oracle says.

The files here are scenario files like anybody's (docs/scenarios.md), read by the product's reader
and judged by its matcher. The oracle answers the same questions by other means.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from services.cli.scenarios.files import ExpectedReading, Scenario, read_file
from services.cli.scenarios.matching import Answer
from services.cli.scenarios.outcome import decoded, evaluated, failures
from shared.documents.loader import plain
from tests.oracle import evaluate as oracle
from tests.oracle.reading import RefusedError

HERE = Path(__file__).parent
ENCODER = msgspec.json.Encoder(decimal_format="number")
Order = Callable[[Scenario], Scenario]
Way = Callable[[Scenario, ExpectedReading], Answer]


def scenarios() -> list[object]:
    """Every scenario of every file."""
    return [
        pytest.param(one, id=f"{path.relative_to(HERE).with_suffix('')}: {one.it}")
        for path in sorted(HERE.rglob("*.yaml"))
        for one in read_file(path).scenarios
    ]


def documents(scenario: Scenario) -> list[str]:
    """The documents as texts; JSON is YAML."""
    return [ENCODER.encode(plain(one)).decode() for one in scenario.documents]


def by_oracle(scenario: Scenario, reading: ExpectedReading) -> Answer:
    """What the independent oracle answers."""
    lines = [line.decode() for line in scenario.lines]
    found = oracle.evaluate(documents(scenario), lines, reading.at, all_windows=reading.all_windows)
    return decoded(oracle.dump(found))


def forwards(scenario: Scenario) -> Scenario:
    return scenario


def backwards(scenario: Scenario) -> Scenario:
    """Events in the other order. Which lines are rejected follows the input, how many does not."""
    readings = tuple(
        replace(one, rejected=one.rejected if isinstance(one.rejected, int) else len(one.rejected))
        for one in scenario.readings
    )
    return replace(scenario, events=scenario.events[::-1], readings=readings)


@pytest.mark.parametrize("way", [evaluated, by_oracle])
@pytest.mark.parametrize("order", [forwards, backwards])
@pytest.mark.parametrize("scenario", scenarios())
def test_a_worked_case_holds(scenario: Scenario, order: Order, way: Way) -> None:
    if scenario.refused is not None and way is by_oracle:
        with pytest.raises(RefusedError):
            oracle.evaluate(documents(scenario), [], 0)
        return
    assert failures(order(scenario), way) == []
