"""What the pages name exists: commands and their options, make's targets, paths and parameters."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import typer

from services.api.openapi import published
from services.cli.main import app
from tests.docs.pages import PAGES, ROOT, commands

_ACCORD = re.compile(r"^(?:\S*/)?accord(?= |$)")
_ADDRESS = re.compile(r"(?:http://)?(?:localhost|127\.0\.0\.1):8000(/v1/[^\s'\"`|>]*)")


def lines(start: str) -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for where, line in commands(page):
            if re.match(start, line):
                yield where, line


@cache
def root() -> Any:  # noqa: ANN401 - typer's types are private
    return typer.main.get_command(app)


def words_of(line: str) -> list[str]:
    """The words of a command up to a comment, a pipe or a redirection."""
    bare = re.split(r"\s#|\s[|>]|;|&&|\s\(|…|\.\.\.", line)[0]
    try:
        return shlex.split(bare)
    except ValueError:
        return bare.split()


def wrong_with(words: Sequence[str]) -> str | None:
    """What is wrong with a call of `accord`; None when it could be made."""
    command, rest = root(), list(words[1:])
    context = command.make_context("accord", [], resilient_parsing=True)
    while rest and not rest[0].startswith("-") and hasattr(command, "get_command"):
        found = command.get_command(context, rest[0])
        if found is None:
            return f"there is no command {rest[0]!r}"
        command = found
        del rest[0]
    known = {name for own in command.params for name in (*own.opts, *own.secondary_opts)}
    for word in rest:
        option = word.split("=")[0]
        if re.match(r"--?[a-z]", option) and option not in {*known, "--help"}:
            return f"there is no option {option!r}"
    return None


def test_every_command_could_be_called_as_it_is_written() -> None:
    found = [
        (where, line) for where, line in lines(r"(\S*/)?accord( |$)") if "accord.yml" not in line
    ]
    wrong = [
        f"{where}: {line}: {why}" for where, line in found if (why := wrong_with(words_of(line)))
    ]
    assert wrong == []
    assert len(found) > 50


def test_what_would_be_wrong_is_seen() -> None:
    assert wrong_with(["accord", "evalute"]) == "there is no command 'evalute'"
    assert wrong_with(["accord", "dlq", "list", "--json", "--al"]) == "there is no option '--al'"
    assert wrong_with(["accord", "check", "folder", "--json"]) is None


def test_every_target_of_make_exists() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", text, re.MULTILINE))
    named = {word for _, line in lines("make( |$)") for word in words_of(line)[1:2]}
    unknown = {word for word in named if re.fullmatch("[a-z-]+", word)} - targets
    assert unknown == set()
    assert len(named) > 5


def addresses() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for where, line in commands(page):
            for path in _ADDRESS.findall(line):
                yield where, path


def test_every_address_is_an_operation_with_these_parameters() -> None:
    paths = published()["paths"]
    found = list(addresses())
    wrong = [f"{where}: {path}: {why}" for where, path in found if (why := _unknown(paths, path))]
    assert wrong == []
    assert len(found) > 5


def _unknown(paths: Mapping[str, Any], address: str) -> str | None:
    parts = urlsplit(address)
    for template, methods in paths.items():
        pattern = re.sub(r"\{[^}]*\}", ".+", template)
        if not re.fullmatch(pattern, parts.path):
            continue
        known = {own["name"] for own in methods.get("get", {}).get("parameters", ())}
        unknown = {name for name, _ in parse_qsl(parts.query)} - known
        if not unknown:
            return None
    return "no operation has this path and these parameters"


@pytest.mark.parametrize(
    ("address", "is_right"),
    [
        ("/v1/states?state=breached", True),
        ("/v1/states?stat=breached", False),
        ("/v1/state", False),
        ("/v1/reports/acme?period=2026-03", True),
    ],
)
def test_a_wrong_address_is_seen(address: str, is_right: bool) -> None:  # noqa: FBT001 - expected
    assert (_unknown(published()["paths"], address) is None) is is_right
