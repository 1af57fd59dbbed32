"""Processes of the api that are restarted one after the other while requests come: none fails."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from services.cli.stack.local_stack import LocalStack
from services.cli.stack.services import Services
from services.cli.trial import Trial
from tests.deploy.balancer import Balancer, Outcome, ask

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(240)]

AGREEMENTS = Path(__file__).parents[1] / "e2e" / "agreements"
CLIENTS = (
    {"keep": True},
    {"keep": True},
    {"keep": True, "pause_s": 0.3},
    {"keep": False},
)


def restart(both: list[Services]) -> list[int | None]:
    """Restart one after the other; the codes with which they ended."""
    codes = []
    for services in both:
        services.stop("api")
        codes.append(services.child("api").code())
        services.start("api")
    return codes


def test_no_request_fails_while_one_process_after_the_other_is_restarted(
    stack: LocalStack,
) -> None:
    with Trial(stack, "rolling", AGREEMENTS) as trial, ExitStack() as running:
        both = [
            running.enter_context(
                trial.services(names=["api"], home=f"api-{number}", ACCORD_DRAIN_DELAY="1")
            )
            for number in range(2)
        ]
        health = {own.api_url: f"{own.health_url('api')}/readyz" for own in both}
        balancer = running.enter_context(Balancer(health))
        threads = running.enter_context(ThreadPoolExecutor(len(CLIENTS)))
        until = threading.Event()
        running.callback(until.set)
        asking = [
            threads.submit(ask, balancer, "/v1/states", until, **client) for client in CLIENTS
        ]
        codes = restart(both)
        until.set()
        outcomes: list[Outcome] = [own.result() for own in asking]
    assert [failure for own in outcomes for failure in own.failed] == []
    assert codes == [0, 0]
    assert all(own.by == health.keys() for own in outcomes)
    assert min(own.answered for own in outcomes) > 10
