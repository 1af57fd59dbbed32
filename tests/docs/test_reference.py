"""The reference pages are what the code makes of them, and leave no variable or command out."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.cli.main import COMMANDS
from services.cli.reference.pages import PAGES

ROOT = Path(__file__).parents[2]
_READERS = {
    "_days",
    "_name",
    "_number",
    "_optional",
    "_path",
    "_port",
    "_required",
    "environment_value",
    "optional_value",
    "whole_number",
}
"""The functions that read a variable of the environment by its name without the prefix."""


def sources() -> list[Path]:
    return sorted(path for name in ("services", "shared") for path in (ROOT / name).rglob("*.py"))


def read_by_the_code() -> Iterator[str]:
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _called(node) in _READERS:
                for argument in node.args[:2]:
                    text = argument.value if isinstance(argument, ast.Constant) else None
                    if isinstance(text, str) and re.fullmatch("[A-Z_]+", text):
                        yield text


def _called(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else ""


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_the_code_makes(name: str) -> None:
    path = ROOT / "docs" / "reference" / name
    assert path.read_text(encoding="utf-8") == PAGES[name](), (
        "run: python -m services.cli.reference docs/reference"
    )


def test_every_variable_that_is_read_is_described() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    table = text.partition("\n## Configuration\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `ACCORD_")]
    described = {name for row in rows for name in re.findall("ACCORD_([A-Z_]+?)(?:_FILE)?`", row)}
    assert set(read_by_the_code()) - described == set()
    code = "".join(path.read_text(encoding="utf-8") for path in sources())
    assert {name for name in described if f'"{name}"' not in code} == set()


def test_every_command_is_described() -> None:
    page = PAGES["commands.md"]()
    assert [name for name in COMMANDS if f"## accord {name}\n" not in page] == []
