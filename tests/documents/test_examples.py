"""What the page about events shows of other systems is what comes of it."""

import json
from pathlib import Path

import pytest

from shared.documents.source_files import load_sources
from shared.domain.source import Source
from shared.wire.cloudevents import encode
from shared.wire.mapping import read_record
from tests.documents.examples import PAGE, example


@pytest.mark.parametrize("heading", ["A help desk", "A CRM"])
def test_a_payload_of_the_page_becomes_the_events_of_the_page(tmp_path: Path, heading: str) -> None:
    shown = example(heading)
    file = tmp_path / "sources.yaml"
    file.write_text(shown.document, encoding="utf-8")
    found = load_sources(file)
    assert found.problems == ()
    [source] = found.sources
    events = read_record(source, [], shown.payload)
    assert [json.loads(encode(event)) for event in events] == shown.events


def test_the_source_in_one_line_carries_cloudevents(tmp_path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8").partition("one line:\n\n```\n")[2].partition("```")[0]
    file = tmp_path / "sources.yaml"
    file.write_text(f"apiVersion: accord/v1\n{text}", encoding="utf-8")
    assert load_sources(file).sources == (Source("tickets", "tickets", "A-"),)
