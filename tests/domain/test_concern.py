"""Whom a promise is about."""

from pathlib import Path

import pytest

from shared.documents import load
from shared.domain.concern import customers_of

DOCUMENTS = """
apiVersion: accord/v1
kind: Kpi
metadata: {name: leads}
spec: {item: lead, measure: count, event: {event: lead.created}}
---
apiVersion: accord/v1
kind: Agreement
metadata: {name: promise}
spec:
  level: corporate
  parties: {provider: sales, customer: board}
  appliesTo: {customer: [acme, 7], team: emea}
  effective: {from: "2026-01-01T00:00:00Z"}
  objectives:
    - name: all
      kpi: leads
      target: {atLeast: 2}
      window: {calendar: month}
    - name: some
      kpi: leads
      where: {customer: {not: initech}}
      target: {atLeast: 2}
      window: {calendar: month}
    - name: each
      kpi: leads
      target: {atLeast: 2}
      window: {calendar: month}
      groupBy: [team, customer]
"""


@pytest.mark.parametrize(
    ("objective", "group", "customers"),
    [
        ("all", (), {"board", "acme", "7"}),
        ("some", (), {"board", "acme", "7"}),
        ("each", ("emea", "acme"), {"acme"}),
        ("each", ("emea", ""), {""}),
    ],
)
def test_a_promise_is_about_its_group_else_about_those_it_names(
    tmp_path: Path, objective: str, group: tuple[str, ...], customers: set[str]
) -> None:
    (tmp_path / "documents.yaml").write_text(DOCUMENTS, encoding="utf-8")
    loaded = load(tmp_path)
    assert loaded.catalogue is not None, loaded.problems
    version, own = loaded.catalogue.agreements["promise"].judging(objective, 0)
    assert customers_of(version, own, group) == customers
