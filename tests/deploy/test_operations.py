"""The operator's page names every variable that there is, and no other."""

import re
from pathlib import Path

from shared.runtime import config
from shared.runtime.config import METRICS_PORTS, PREFIX
from tests.deploy.exported import ROOT

PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


CODE = Path(config.__file__).read_text(encoding="utf-8")


def test_every_variable_has_its_row_and_no_other_has() -> None:
    cells = re.findall(r"^\| ((?:`ACCORD_\w+`(?:, )?)+) \|", PAGE, re.MULTILINE)
    named = re.findall(r"`(ACCORD_\w+?)(?:_FILE)?`", " ".join(cells))
    read = re.findall(r'\bgiven, "(\w+)"', CODE)
    assert sorted(named) == sorted({PREFIX + name for name in read})


def test_the_ports_are_those_of_the_services() -> None:
    [row] = re.findall(r"^\| `ACCORD_METRICS_PORT` \|([^|]+)\|", PAGE, re.MULTILINE)
    assert row.strip() == ", ".join(f"{name} {port}" for name, port in METRICS_PORTS.items())
