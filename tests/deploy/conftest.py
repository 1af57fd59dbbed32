"""What needs a program that only an operating system's package brings is left out without it."""

import shutil
from pathlib import Path

import pytest

collect_ignore = [] if shutil.which("promtool") else ["test_promtool.py"]


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the tests of a built image unless one is named: they take an image to be there."""
    is_of_an_image = collection_path.name == "test_built_image.py"
    return True if is_of_an_image and config.getoption("--image") is None else None
