"""The documents and events that the pages show can be read as they stand."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from services.cli.main import app
from shared.documents import load
from shared.documents.source_files import load_sources
from shared.wire.cloudevents import decode_line
from tests.docs.pages import PAGES, ROOT, Block, blocks

_CALENDARS = ROOT / "deploy" / "agreements" / "calendars"


def of(language: str) -> list[Block]:
    return [block for page in PAGES for block in blocks(page) if block.language == language]


def documents(block: Block) -> list[dict[str, Any]]:
    parts = [part for part in yaml.safe_load_all(block.text) if part is not None]
    return [part for part in parts if isinstance(part, dict)]


def is_ours(parts: list[dict[str, Any]]) -> bool:
    return any(part.get("kind") in {"Calendar", "Kpi", "Agreement"} for part in parts)


@pytest.mark.parametrize("block", of("yaml"), ids=str)
def test_a_document_loads(block: Block, tmp_path: Path) -> None:
    if "fragment" in block.words:
        assert documents(block)
        return
    parts = documents(block)
    if any(part.get("kind") == "Source" for part in parts):
        (tmp_path / "source.yaml").write_text(block.text, encoding="utf-8")
        assert load_sources(tmp_path).problems == ()
    elif any("scenarios" in part and "documents" in part for part in parts):
        (tmp_path / "page.yaml").write_text(block.text, encoding="utf-8")
        told = CliRunner().invoke(app, ["test", str(tmp_path / "page.yaml")])
        assert told.exit_code == 0, told.output
    elif is_ours(parts):
        whole = [part.get("apiVersion") for part in parts]
        text = block.text
        if None in whole:
            text = text.replace("kind: ", "apiVersion: accord/v1\nkind: ")
        folder = tmp_path / "agreements"
        folder.mkdir()
        (folder / "page.yaml").write_text(text, encoding="utf-8")
        if "berlin-office" in text and "name: berlin-office" not in text:
            shutil.copytree(_CALENDARS, folder / "calendars")
        loaded = load(folder)
        assert loaded.catalogue is not None, [*map(str, loaded.problems)]


def values(text: str) -> Iterator[Any]:
    """The JSON values that stand one after the other."""
    decoder, place = json.JSONDecoder(), 0
    while text[place:].strip():
        place += len(text[place:]) - len(text[place:].lstrip())
        value, place = decoder.raw_decode(text, place)
        yield value


@pytest.mark.parametrize("block", of("json"), ids=str)
def test_an_event_is_read(block: Block) -> None:
    found = list(values(block.text))
    assert found
    for value in found:
        if isinstance(value, dict) and "specversion" in value:
            assert decode_line(json.dumps(value).encode()).subject == value["subject"]
