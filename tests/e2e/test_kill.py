"""An evaluator that is killed again and again loses nothing and says nothing twice differently."""

from collections.abc import Callable

import pytest

from services.cli.trial import Trial
from tests.e2e.chaos import run

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(900)]


def test_after_ten_kills_in_mid_stream_nothing_differs(a_trial: Callable[[str], Trial]) -> None:
    outcome = run(a_trial("killed"), seed=11, kills=10)
    assert outcome.kills >= 10
    assert outcome.announcements > 100
    assert outcome.differences == 0
