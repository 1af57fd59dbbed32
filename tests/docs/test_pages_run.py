"""The tutorial and every how-to, command by command, as somebody does who follows them."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.cli.stack.local_stack import LocalStack
from tests.docs.answers import json_of, misfit, missing_lines
from tests.docs.pages import ROOT, RUN, Block, blocks
from tests.docs.surroundings import Company, Shell, a_company

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def company(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with a_company(stack, tmp_path_factory.mktemp("company") / "agreements") as running:
        yield running


def needs_company(page: Path) -> bool:
    return any("stack" in block.words for block in blocks(page))


def names(pages: list[Path]) -> list[str]:
    return [page.stem for page in pages]


WITHOUT = [page for page in RUN if not needs_company(page)]
# The tutorial comes last: it changes what the company promises.
WITH = sorted((page for page in RUN if needs_company(page)), key=lambda own: own.stem == "tutorial")


@pytest.mark.parametrize("page", WITHOUT, ids=names(WITHOUT))
def test_a_page_does_what_it_says_without_servers(page: Path, tmp_path: Path) -> None:
    follow(page, Shell(tmp_path, None))


@pytest.mark.parametrize("page", WITH, ids=names(WITH))
def test_a_page_does_what_it_says(page: Path, tmp_path: Path, company: Company) -> None:
    follow(page, Shell(tmp_path, company))


def follow(page: Path, shell: Shell) -> None:
    """Save and run what the page says, in its order."""
    shell.prepare()
    said = ""
    for block in blocks(page):
        if "file" in block.options:
            path = shell.folder / block.options["file"]
            path.parent.mkdir(exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        elif block.language == "sh":
            if is_left_out(block):
                continue
            done = shell.run(block.text)
            said = done.stdout
            code = int(block.options.get("code", "0"))
            assert done.returncode == code, f"{block}\n{done.stdout}\n{done.stderr}"
        elif block.words == ("output",):
            assert missing_lines(block.text, said) == [], f"{block}\n{said}"
        elif block.words in {("answer",), ("shape",)}:
            shown, exact = json_of(block.text), block.words == ("answer",)
            assert misfit(shown, json_of(said), exact=exact) is None, f"{block}\n{said}"


def is_left_out(block: Block) -> bool:
    if "skip" in block.options:
        return True
    program = block.options.get("needs")
    return program is not None and shutil.which(program) is None


def test_every_block_of_these_pages_is_for_something() -> None:
    idle = [
        str(block)
        for page in RUN
        for block in blocks(page)
        if block.language != "sh"
        and "file" not in block.options
        and block.words not in {("output",), ("answer",), ("shape",)}
        and not is_an_event(block)
    ]
    assert idle == []
    skipped = [
        f"{block.page.relative_to(ROOT)}: {block.options['skip']}"
        for page in RUN
        for block in blocks(page)
        if "skip" in block.options
    ]
    assert len(skipped) <= 8, skipped


def is_an_event(block: Block) -> bool:
    """Read by `test_examples`."""
    return block.language == "json" and "specversion" in block.text
