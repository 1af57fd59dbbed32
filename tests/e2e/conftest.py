"""A pipeline of its own for each end-to-end test, on the servers that the run shares."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from services.cli.stack.local_stack import LocalStack
from services.cli.trial import Trial

AGREEMENTS = Path(__file__).with_name("agreements")

StartTrial = Callable[[str], Trial]


@pytest.fixture
def a_trial(stack: LocalStack) -> Iterator[StartTrial]:
    with ExitStack() as running:
        yield lambda name: running.enter_context(Trial(stack, name, AGREEMENTS))
