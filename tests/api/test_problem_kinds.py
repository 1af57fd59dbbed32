"""Kinds of problems: each has a page, and the documentation lists just those that there are."""

import ast
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from services.api.openapi import new_app
from services.api.web.problem_kinds import KINDS, renewed, table

ROOT = Path(__file__).parents[2]
_REFUSALS = {"Refusal", "CredentialRefused"}
_BY_MAP_ERRORS = {
    "unknown-parameter",
    "invalid-parameter",
    "not-found",
    "method-not-allowed",
}


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(new_app("test"))
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        yield client


def refused() -> Iterator[str]:
    """The name of the problem in each refusal of the code."""
    for path in sorted((ROOT / "services" / "api").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in _REFUSALS:
                yield from (
                    str(own.value.value)
                    for own in node.keywords
                    if own.arg == "kind" and isinstance(own.value, ast.Constant)
                )


def test_every_refusal_names_a_kind_and_every_kind_is_of_use() -> None:
    named = set(refused())
    assert named - set(KINDS) == set()
    assert set(KINDS) - named - _BY_MAP_ERRORS == set()


async def test_every_kind_has_a_page_that_says_what_to_do(http: httpx.AsyncClient) -> None:
    listed = (await http.get("/problems")).text
    for kind in KINDS.values():
        assert f"href='{kind.type}'" in listed
        page = await http.get(kind.type)
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert "What to do" in page.text
        assert f"{kind.status.value} " in page.text
        assert "`" not in page.text


def test_the_documentation_lists_the_kinds() -> None:
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    assert renewed(text) == text, "run: python -m services.api.web.problem_kinds docs/api.md"


def test_the_table_has_a_row_for_each_kind() -> None:
    assert table().count("\n") == len(KINDS) + 2


def test_a_text_without_the_marks_is_not_written_over() -> None:
    with pytest.raises(ValueError, match="has not the lines"):
        renewed("| type |")
