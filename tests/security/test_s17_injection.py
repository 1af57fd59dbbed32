"""S17, S09, API4 and API8: no text in a request gets out of its place, and none makes a fault."""

import ast
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.security.test_s01_walls import READS, address, asked_of
from tests.security.walled import CANARY, Walled, a_walled_api

ROOT = Path(__file__).parents[2]
TEXTS = (
    "'",
    "''",
    '"',
    "\\",
    "\\'",
    ";--",
    "' OR 1=1 --",
    "') OR ('1'='1",
    "'; DROP TABLE api_key; --",
    "' UNION SELECT digest FROM api_key --",
    "$1",
    "%s",
    "{0}",
    "${jndi:ldap://x}",
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "\x00",
    "\x1b[31m",
    "a\r\nset-cookie: x=1",
    "𝄞" * 300,
    "x" * 2000,
    "9223372036854775808",
    "-1",
    "1e400",
    "NaN",
    "",
    "~",
    "/",
    "%",
    "é",
)


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Walled]:
    async with a_walled_api(database_url, tmp_path) as walled:
        yield walled


@pytest.mark.integration
async def test_s17_every_parameter_of_every_read_takes_every_text(api: Walled) -> None:
    asked = 0
    for path, operation in READS:
        own, _ = asked_of(path, operation)
        for parameter in operation.get("parameters", []):
            for text in TEXTS:
                target, rest = _with(path, own, parameter, text)
                answer = await api.get("acme", target, rest)
                assert answer.status_code in {200, 400, 404, 410, 422}, (target, rest, answer.text)
                assert CANARY not in answer.text
                assert "set-cookie" not in answer.headers
                assert "syntax" not in answer.text
                asked += 1
    assert asked > 30 * len(TEXTS)
    assert (await api.get("acme", "/v1/states")).status_code == 200
    assert (await api.get("admin", "/v1/audit")).status_code == 200


def _with(
    path: str, own: dict[str, str], parameter: dict[str, Any], text: str
) -> tuple[str, dict[str, str]]:
    name = parameter["name"]
    if parameter["in"] == "query":
        target, rest = address(path, own)
        return target, {**rest, name: text}
    quoted = "".join(f"%{byte:02X}" for byte in text.encode())
    return address(path, {**own, name: quoted})


def test_s17_statements_are_put_together_from_our_own_words_only() -> None:
    """Where a statement is formatted, what is put in are names of the module, never arguments."""
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for folder in ("services/api", "services/ingest")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.JoinedStr) and _is_statement(node)
    ]
    assert found == []


def _is_statement(node: ast.JoinedStr) -> bool:
    first = node.values[0] if node.values else None
    text = first.value if isinstance(first, ast.Constant) else ""
    verbs = r"SELECT\s.*\sFROM|INSERT\sINTO|UPDATE\s\w+\sSET|DELETE\sFROM"
    words = rf"\s*({verbs}|(WITH|CREATE|DROP|ALTER|GRANT|COPY)\s)"
    return isinstance(text, str) and re.match(words, text, re.DOTALL) is not None


def test_s30_nothing_is_run_or_built_from_text_of_others() -> None:
    forbidden = {"eval", "exec", "pickle", "marshal", "shelve", "dill", "jsonpickle"}
    found = []
    for folder in ("services", "shared", "deploy"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                names = _names(node)
                if names & forbidden or ("yaml.load" in names):
                    found.append(f"{path.relative_to(ROOT)}: {names}")
    assert found == []


def _names(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Import):
        return {own.name.partition(".")[0] for own in node.names}
    if isinstance(node, ast.ImportFrom):
        return {(node.module or "").partition(".")[0]}
    if isinstance(node, ast.Call):
        return {ast.unparse(node.func)}
    return set()
