"""What linters cannot say: the size of functions and files, names, and where tests are."""

import ast
import itertools
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FUNCTION_LINES_MAX = 50
FILE_LINES_MAX = 400
LINE_MAX = 100
REASON = re.compile(r"  # (noqa|type: ignore).*")  # why a rule is not followed may be longer
FORBIDDEN_NAMES = frozenset({"base", "common", "helpers", "manager", "misc", "service", "utils"})
FOLDERS = ("services", "shared", "tests", "deploy", "benchmarks")


def sources() -> list[Path]:
    found = itertools.chain.from_iterable((ROOT / folder).rglob("*.py") for folder in FOLDERS)
    return sorted(path for path in found if "__pycache__" not in path.parts)


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_no_function_is_longer_than_a_screen() -> None:
    long = [
        f"{named(path)}:{function.lineno} {function.name} has {lines} lines"
        for path in sources()
        for function in functions(path)
        if (lines := (function.end_lineno or 0) - function.lineno + 1) > FUNCTION_LINES_MAX
    ]
    assert long == []


def test_no_file_is_longer_than_one_can_hold_in_mind() -> None:
    long = [
        f"{named(path)} has {lines} lines"
        for path in sources()
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > FILE_LINES_MAX
    ]
    assert long == []


def test_no_line_is_too_long() -> None:
    long = [
        f"{named(path)}:{number}"
        for path in sources()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if len(REASON.sub("", line)) > LINE_MAX
    ]
    assert long == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [named(path) for path in sources() if path.stem in FORBIDDEN_NAMES] == []


def test_every_module_opens_with_its_purpose() -> None:
    silent = [named(path) for path in sources() if not ast.get_docstring(tree(path))]
    assert silent == []


def test_everything_is_caught_in_one_place_only() -> None:
    catching = [
        f"{named(path)}:{node.lineno}"
        for path in sources()
        if path != ROOT / "shared" / "runtime" / "process.py"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler) and catches_all(node)
    ]
    assert catching == []


def catches_all(handler: ast.ExceptHandler) -> bool:
    """`except:` and `except Exception:`; one that raises again whatever it caught is no catch."""
    if handler.type is None:
        return True
    if not isinstance(handler.type, ast.Name):
        return False
    if handler.type.id == "Exception":
        return True
    last = handler.body[-1]
    again = isinstance(last, ast.Raise) and last.exc is None
    return handler.type.id == "BaseException" and not again


def test_what_is_shared_lies_in_a_folder_of_shared() -> None:
    assert [path.name for path in (ROOT / "shared").glob("*.py")] == ["__init__.py"]


def test_nothing_names_a_package_registry() -> None:
    names = ["pypi" + ".org", "pythonhosted" + ".org", "maven" + ".org", "npmjs" + ".org"]
    tracked = _tracked()
    found = [
        f"{path}: {name}"
        for path in tracked
        if (ROOT / path).is_file()
        for name in names
        if name.encode() in (ROOT / path).read_bytes()
    ]
    assert found == []


def test_git_ignores_nothing_of_the_project() -> None:
    done = subprocess.run(
        ["git", "check-ignore", "shared", "services", "tests", "deploy"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == ""


def _tracked() -> list[str]:
    try:
        done = subprocess.run(
            ["git", "ls-files"],  # noqa: S607 - whichever git there is
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git repository")
    return done.stdout.splitlines()


def test_every_part_of_the_domain_has_its_tests() -> None:
    parts = {path.stem for path in (ROOT / "shared" / "domain").glob("*.py")} - {"__init__"}
    tested = {path.stem.removeprefix("test_") for path in (ROOT / "tests" / "domain").glob("*.py")}
    assert sorted(parts - tested) == []
