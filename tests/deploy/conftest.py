"""What needs a program that only an operating system's package brings is left out without it."""

import shutil
from pathlib import Path

import pytest

from shared.runtime.config import process_environment

NEEDS_PROMTOOL = ["test_burn_rates.py", "test_metric_names.py", "test_promtool.py"]
# With CI set they run, and fail for what is missing.
_has_both = shutil.which("promtool") and shutil.which("amtool")
collect_ignore = [] if _has_both or process_environment().get("CI") else NEEDS_PROMTOOL


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the tests of a built image unless one is named: they take an image to be there."""
    is_of_an_image = collection_path.name == "test_built_image.py"
    return True if is_of_an_image and config.getoption("--image") is None else None
