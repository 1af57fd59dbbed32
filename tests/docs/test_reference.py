"""The reference pages are what the code makes of them, and leave no command out."""

from pathlib import Path

import pytest

from services.cli.main import COMMANDS
from services.cli.reference.pages import PAGES

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_the_code_makes(name: str) -> None:
    path = ROOT / "docs" / "reference" / name
    assert path.read_text(encoding="utf-8") == PAGES[name](), (
        "run: python -m services.cli.reference docs/reference"
    )


def test_every_command_is_described() -> None:
    page = PAGES["commands.md"]()
    assert [name for name in COMMANDS if f"## accord {name}\n" not in page] == []


def test_an_example_in_a_commands_help_stays_as_it_is_written() -> None:
    page = PAGES["commands.md"]()
    assert "\n\n    agreements: ../agreements          # a document or a folder, " in page
    assert "\b" not in page
