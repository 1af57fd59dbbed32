"""One set of events gives one answer, byte for byte, in any order and however often they come."""

from functools import cache
from itertools import islice
from pathlib import Path
from random import Random

import pytest

from services.cli.offline import evaluate_offline
from services.cli.simulator.stream import Simulation, history_start, simulate
from shared.documents import load
from shared.domain.instant import parse_instant
from shared.wire.cloudevents import decode_record, encode

NOW = parse_instant("2026-11-20T12:00:00Z")
AGREEMENTS = Path(__file__).parents[2] / "deploy" / "agreements"


@cache
def company() -> tuple[bytes, ...]:
    """Some thousand events of the simulated company, sound ones."""
    started = history_start(NOW, days=20)
    records = simulate(Simulation(seed=3, start=started, now=NOW, volume=0.2))
    sound = (record for record in records if not record.spoiled)
    return tuple(encode(decode_record(r.headers, r.value)) for r in islice(sound, 4_000))


def evaluated(lines: list[bytes]) -> bytes:
    catalogue = load(AGREEMENTS).catalogue
    assert catalogue is not None
    written: list[bytes] = []
    evaluate_offline(catalogue, lines, written.append, now=NOW, all_windows=True)
    whole = b"".join(written)
    return whole[: whole.rindex(b',"rejected":')]


@pytest.mark.parametrize("seed", range(3))
def test_order_and_repetition_change_no_byte(seed: int) -> None:
    lines = [*company()]
    dice = Random(seed)  # noqa: S311 - a test's dice
    shuffled = lines + dice.sample(lines, len(lines) // 20)
    dice.shuffle(shuffled)
    assert evaluated(shuffled) == evaluated(lines)
