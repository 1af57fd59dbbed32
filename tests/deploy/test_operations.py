"""The operator's page names every variable and every metric that there is, and no other."""

import re
from dataclasses import fields

from shared.runtime.config import METRICS_PORTS, PREFIX, Settings
from tests.deploy.exported import ROOT, exported_series

PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
SUFFIX = re.compile(r"_(bucket|sum|count)$")


def test_every_variable_has_its_row_and_no_other_has() -> None:
    rows = re.findall(r"^\| `(ACCORD_\w+)` \|", PAGE, re.MULTILINE)
    assert sorted(rows) == sorted(PREFIX + field.name.upper() for field in fields(Settings))


def test_every_metric_is_explained_and_no_other_is() -> None:
    exported = {SUFFIX.sub("", name) for name in exported_series()}
    [table] = re.findall(r"^## Metrics$(.*?)^## ", PAGE, re.MULTILINE | re.DOTALL)
    rows = "\n".join(re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE))
    assert set(re.findall(r"`(accord_\w+)", rows)) == exported


def test_the_ports_are_those_of_the_services() -> None:
    [row] = re.findall(r"^\| `ACCORD_METRICS_PORT` \|([^|]+)\|", PAGE, re.MULTILINE)
    assert row.strip() == ", ".join(f"{name} {port}" for name, port in METRICS_PORTS.items())
