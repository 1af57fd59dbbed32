"""S32 and S35, as far as files say it: what is installed is pinned by digests, and new enough."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "deploy/requirements.lock", "deploy/requirements-build.lock")
FLOORS = {
    # Denial of service by Range, forms without limits, hosts that were believed.
    "starlette": (1, 3, 1),
    # Algorithms that are not asked for; tokens without an end where one is required.
    "pyjwt": (2, 12, 0),
    "h11": (0, 16, 0),
    "jinja2": (3, 1, 6),
}


@pytest.mark.parametrize("name", LOCKS)
def test_s32_every_package_is_pinned_by_version_and_digest(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    joined = text.replace("\\\n", " ")
    packages = [line for line in joined.splitlines() if line and not line.lstrip().startswith("#")]
    assert packages
    for line in packages:
        assert re.match(r"[A-Za-z0-9._-]+(\[[a-z,]+\])?==\S+", line), line
        assert "--hash=sha256:" in line, line


def test_s32_packages_with_known_faults_are_not_older_than_their_mending() -> None:
    text = (ROOT / "deploy/requirements.lock").read_text(encoding="utf-8")
    for package, floor in FLOORS.items():
        found = re.search(rf"^{package}(?:\[\w+\])?==([\d.]+)", text, re.MULTILINE)
        assert found, package
        assert tuple(map(int, found[1].split("."))) >= floor, package
