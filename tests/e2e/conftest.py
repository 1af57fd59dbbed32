"""One Kafka and one PostgreSQL for all end-to-end tests; each test has its own pipeline there."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from services.cli.stack.local_stack import LocalStack
from services.cli.trial import Trial

AGREEMENTS = Path(__file__).with_name("agreements")

StartTrial = Callable[[str], Trial]


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    home = tmp_path_factory.mktemp("stack")
    with LocalStack(home, durable=False, prepare=False) as running:
        yield running


@pytest.fixture
def a_trial(stack: LocalStack) -> Iterator[StartTrial]:
    with ExitStack() as running:
        yield lambda name: running.enter_context(Trial(stack, name, AGREEMENTS))
