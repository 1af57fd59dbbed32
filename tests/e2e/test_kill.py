"""Every kind of fault at once, ten kills among them: nothing is lost or said twice differently."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from services.cli.stack.local_stack import LocalStack
from services.cli.trial import Trial
from tests.e2e.chaos.schedule import Kind, everything
from tests.e2e.chaos.storm import weather

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(900)]


def test_after_every_kind_of_fault_nothing_differs(
    stack: LocalStack, a_trial: Callable[[str], Trial]
) -> None:
    if stack.kafka is None or stack.postgres is None:
        pytest.skip("the servers are not ours to restart")
    with ThreadPoolExecutor(16) as threads:
        outcome = weather(stack, a_trial("faults"), everything(11), threads)
    assert (outcome.void, outcome.seen, outcome.unequal, outcome.announced) == ([], [], [], [])
    assert outcome.happened.keys() == set(Kind)
    assert outcome.counted["kills"] >= 10
    assert outcome.counted["fenced"] >= 1
    assert outcome.announcements > 100
