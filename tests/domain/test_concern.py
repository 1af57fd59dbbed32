"""Whom a promise is about."""

from pathlib import Path

import pytest

from shared.documents import load
from shared.domain.concern import concern_of, may_see

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
    ("objective", "group", "concern"),
    [
        ("all", (), ("board", "7", "acme")),
        ("some", (), ("board", "7", "acme")),
        ("each", ("emea", "acme"), ("acme",)),
        ("each", ("emea", ""), ("",)),
    ],
)
def test_a_promise_is_about_its_group_else_about_those_it_names(
    tmp_path: Path, objective: str, group: tuple[str, ...], concern: tuple[str, ...]
) -> None:
    (tmp_path / "documents.yaml").write_text(DOCUMENTS, encoding="utf-8")
    loaded = load(tmp_path)
    assert loaded.catalogue is not None, loaded.problems
    version, own = loaded.catalogue.agreements["promise"].judging(objective, 0)
    assert concern_of(version, own, group) == concern


@pytest.mark.parametrize(
    ("concern", "customers", "seen"),
    [
        (("acme",), {"acme"}, True),
        (("acme", "acme-mail", "acme-web"), {"acme"}, True),
        (("board", "acme"), {"acme"}, True),
        (("board", "acme", "globex"), {"acme"}, False),
        (("board", "acme", "globex"), {"acme", "globex"}, True),
        (("board",), {"acme"}, False),
        (("globex",), {"acme"}, False),
        ((), {"acme"}, False),
        (("",), {"acme"}, False),
        (("acme",), set(), False),
    ],
)
def test_a_number_in_which_others_count_is_seen_by_who_may_see_them_all(
    concern: tuple[str, ...], customers: set[str], *, seen: bool
) -> None:
    assert may_see(concern, customers) is seen
