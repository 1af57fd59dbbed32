"""Ingest and evaluators restarted one after the other under load: nothing is lost or doubled."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from itertools import islice

import pytest

from services.cli.simulator.delivery import Noise
from services.cli.simulator.stream import Simulation, history_start, simulate
from services.cli.trial import Trial
from shared.domain.instant import parse_instant

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(300)]

NOW = parse_instant("2026-03-31T21:30:00Z")
HISTORY = Simulation(
    seed=5,
    start=history_start(NOW, days=5),
    now=NOW,
    volume=0.3,
    live_rate=2,
    noise=replace(Noise(), conflicting=0.01),
)
PORTION = 400


def test_nothing_is_lost_or_doubled_while_one_after_the_other_is_restarted(
    a_trial: Callable[[str], Trial],
) -> None:
    trial = a_trial("rolling")
    records = (own for own in simulate(HISTORY) if own.at < NOW)
    with ExitStack() as running:
        fleet = [
            (name, running.enter_context(trial.services(clock=NOW, names=[name], home=title)))
            for name in ("ingest", "evaluator")
            for title in (f"{name}-0", f"{name}-1")
        ]
        codes = []
        for name, services in fleet:
            trial.send(islice(records, PORTION))
            services.stop(name)
            codes.append(services.child(name).code())
            trial.send(islice(records, PORTION))
            services.start(name)
        trial.send(islice(records, PORTION))
        api = running.enter_context(trial.services(clock=NOW, names=["api"], home="api"))
        verdict = trial.verify(api, at=NOW)
    assert codes == [0, 0, 0, 0]
    assert verdict.differences == 0
    assert verdict.items > 50
