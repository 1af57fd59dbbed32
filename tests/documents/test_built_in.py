"""KPIs that need no document: who takes them, who does not, and what the page says of them."""

import re
from importlib.resources import files
from pathlib import Path

import pytest

from shared.documents import load
from shared.documents.built_in import FILES, built_in_kpis
from shared.domain.agreement import MeasureKind
from tests.documents.writing import (
    RESPONSE,
    catalogue,
    first_response,
    kpi,
    loaded,
    problems,
    promising,
)

ROOT = Path(__file__).parents[2]
FIRST = "ticket-first-response"
_ROW = re.compile(r"^\| `([a-z-]+)` \| (ticket|lead) \| (\w+(?: cohort)?) \| ", re.MULTILINE)
TARGET_OF = dict.fromkeys(MeasureKind, "{atLeast: 1}") | {MeasureKind.DURATION: "{within: PT1H}"}


@pytest.mark.parametrize("name", built_in_kpis())
def test_every_built_in_kpi_can_be_promised_without_a_document(tmp_path: Path, name: str) -> None:
    target = TARGET_OF[built_in_kpis()[name].measure]
    found = loaded(tmp_path, promising(first_response(kpi=name, target=target)))
    assert found.problems == ()
    assert found.built_in == (name,)
    assert found.catalogue is not None
    assert dict(found.catalogue.kpis) == {name: built_in_kpis()[name]}


def test_those_that_nobody_uses_are_not_there(tmp_path: Path) -> None:
    found = loaded(tmp_path, promising(first_response()), RESPONSE)
    assert found.built_in == ()
    assert found.catalogue is not None
    assert list(found.catalogue.kpis) == ["response"]


def test_a_document_of_the_same_name_stands_instead(tmp_path: Path) -> None:
    own = kpi("{item: ticket, measure: count, event: {event: ticket.replied}}", FIRST)
    found = loaded(tmp_path, promising(first_response(kpi=FIRST, target="{atMost: 1}")), own)
    assert found.problems == ()
    assert found.built_in == ()
    assert found.catalogue is not None
    assert found.catalogue.kpis[FIRST].measure is MeasureKind.COUNT


def test_a_refused_document_is_not_replaced_by_what_is_built_in(tmp_path: Path) -> None:
    refused = kpi("{item: ticket, measure: counts, event: {event: ticket.replied}}", FIRST)
    # The built-in one is a duration: its misfit would be a second problem.
    found = problems(tmp_path, promising(first_response(kpi=FIRST, target="{atMost: 1}")), refused)
    assert [message.partition(";")[0] for _, message in found] == ['measure: "counts" is unknown']


def test_a_target_that_does_not_fit_a_built_in_kpi_is_refused(tmp_path: Path) -> None:
    ((_, message),) = problems(tmp_path, promising(first_response(kpi="won-revenue")))
    assert 'does not fit the KPI "won-revenue", which measures a sum' in message


def test_a_name_that_is_nearly_built_in_is_suggested(tmp_path: Path) -> None:
    ((_, message),) = problems(tmp_path, promising(first_response(kpi="ticket-first-respons")))
    assert message.endswith(f'did you mean "{FIRST}"?')


def test_written_out_it_has_the_same_digest(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    promise = promising(first_response(kpi=FIRST))
    taken = catalogue(tmp_path / "a", promise)
    folder = files("shared.documents") / "built_in_kpis"
    texts = ((folder / name).read_text(encoding="utf-8") for name in FILES)
    (own,) = (d for text in texts for d in text.split("---\n") if f"{{name: {FIRST}}}" in d)
    (tmp_path / "b").mkdir()
    written = loaded(tmp_path / "b", promise, own)
    assert written.built_in == ()
    assert written.catalogue is not None
    assert written.catalogue.digest == taken.digest


def test_they_are_documents_that_load_by_themselves() -> None:
    for name in FILES:
        found = load(ROOT / "shared" / "documents" / "built_in_kpis" / name)
        assert found.problems == ()


def test_the_page_lists_them_all() -> None:
    page = (ROOT / "docs" / "documents.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| `([a-z-]+)` \| (ticket|lead) \| (\w+(?: cohort)?) \| ", page, re.MULTILINE
    )
    listed = {name: (item, measure) for name, item, measure in rows}
    assert listed == {
        name: (own.item, "ratio cohort" if own.cohort else str(own.measure))
        for name, own in built_in_kpis().items()
    }
    assert len(rows) == len(listed)
