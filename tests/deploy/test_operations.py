"""The operator's page names every variable that there is, and no other."""

import re
from pathlib import Path

from shared.runtime import config
from shared.runtime.config import METRICS_PORTS, PREFIX
from tests.deploy.exported import ROOT

PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


CODE = "\n".join(
    path.read_text(encoding="utf-8")
    for folder in ("services", "shared")
    for path in (ROOT / folder).rglob("*.py")
)


def test_every_variable_has_its_row_and_every_row_is_read() -> None:
    cells = re.findall(r"^\| ((?:`ACCORD_\w+`(?:, )?)+) \|", PAGE, re.MULTILINE)
    named = re.findall(r"`(ACCORD_\w+?)(?:_FILE)?`", " ".join(cells))
    assert len(named) == len(set(named))
    settings = Path(config.__file__).read_text(encoding="utf-8")
    read = {PREFIX + name for name in re.findall(r'\bgiven, "(\w+)"', settings)}
    assert read <= set(named)
    unread = [name for name in named if f'"{name.removeprefix(PREFIX)}"' not in CODE]
    assert [name for name in unread if name not in CODE] == []


def test_the_ports_are_those_of_the_services() -> None:
    [row] = re.findall(r"^\| `ACCORD_METRICS_PORT` \|([^|]+)\|", PAGE, re.MULTILINE)
    assert row.strip() == ", ".join(f"{name} {port}" for name, port in METRICS_PORTS.items())
