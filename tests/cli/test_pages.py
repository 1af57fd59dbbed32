"""What the pages tell people to write and to run does what they say."""

import re
import shutil
from pathlib import Path

from services.cli.evaluate import evaluate_lines
from shared.documents import load
from shared.domain.instant import parse_instant

ROOT = Path(__file__).parents[2]


def blocks(page: str, language: str) -> list[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_a_kpi_is_added_to_the_example_company_as_the_pages_say(tmp_path: Path) -> None:
    folder = tmp_path / "agreements"
    shutil.copytree(ROOT / "deploy" / "agreements", folder)
    (folder / "qualifying.yaml").write_text(blocks("README.md", "yaml")[0], encoding="utf-8")
    loaded = load(folder)
    assert loaded.catalogue is not None, loaded.problems
    lines = blocks("docs/documents.md", "json")[0].encode().splitlines()
    now = parse_instant("2026-03-04T09:00:00Z")
    found = evaluate_lines(loaded.catalogue, lines, now=now)
    [window] = [own for own in found.objectives if own.agreement == "marketing-qualifies"]
    assert (window.value, window.state) == ("0.5", "breached")
    breached = {
        own.item: own.breached_at for own in found.clocks if own.agreement == "marketing-qualifies"
    }
    assert breached == {"lead:L-1": None, "lead:L-2": "2026-03-03T10:00:00Z"}


def test_every_link_of_a_page_leads_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md")]
    broken = []
    for page in pages:
        for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
            path, _, anchor = link.partition("#")
            target = page if not path else page.parent / path
            if link.startswith("http"):
                continue
            if not target.exists() or (anchor and anchor not in anchors(target)):
                broken.append(f"{page.relative_to(ROOT)}: {link}")
    assert broken == []


def anchors(page: Path) -> set[str]:
    """The names that a heading gets: small letters, hyphens for blanks, nothing else."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
