"""The pages of the documentation taken apart: their fenced blocks, and the commands they name.

What a block is for stands behind its language:

    ```sh            is run, in the order of the page, in a folder of its own
    ```sh stack      is run with the services of a small company around it
    ```sh needs=x    is run where the program x is
    ```sh code=1     ends with that exit code, not with 0
    ```sh skip="…"   is not run, and why
    ```yaml file=x   is saved as x before what follows is run
    ```text output   its lines are in what the last command wrote
    ```json answer   its members and values are in the JSON that the last command wrote
    ```json shape    the same for members and their types alone
    ```yaml fragment is a part of a document, and only looks like one
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = sorted(
    path
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md"))
    if "adr" not in path.parts
)
RUN: Final = (ROOT / "docs" / "tutorial.md", *sorted((ROOT / "docs" / "how-to").glob("*.md")))
"""The pages that are run as they stand."""

_BLOCK: Final = re.compile(r"^( *)```([^\n`]*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_SPAN: Final = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: the page's line on which it begins, its language, what it is for."""

    page: Path
    line: int
    language: str
    words: tuple[str, ...]
    options: dict[str, str] = field(hash=False)
    text: str

    def __str__(self) -> str:
        """Where it is."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """The blocks of a page in order."""
    text = page.read_text(encoding="utf-8")
    return [_block(page, text, match) for match in _BLOCK.finditer(text)]


def _block(page: Path, text: str, match: re.Match[str]) -> Block:
    indent, head, body = match.groups()
    language, *rest = shlex.split(head) or [""]
    options = dict(word.split("=", 1) for word in rest if "=" in word)
    words = tuple(word for word in rest if "=" not in word)
    lines = [line.removeprefix(indent) for line in body.splitlines(keepends=True)]
    line = text.count("\n", 0, match.start()) + 1
    return Block(page, line, language, words, options, "".join(lines))


def commands(page: Path) -> Iterator[tuple[str, str]]:
    """Every line of a block, and every span of code, that begins with a program of ours."""
    found = blocks(page)
    for block in found:
        if block.language in {"", "sh", "bash", "console"}:
            for number, line in enumerate(_whole_lines(block.text), block.line + 1):
                yield f"{page.relative_to(ROOT)}:{number}", line.removeprefix("$ ").strip()
    text = _BLOCK.sub(lambda match: "\n" * match.group().count("\n"), page.read_text("utf-8"))
    for number, line in enumerate(text.splitlines(), 1):
        for span in _SPAN.findall(line):
            yield f"{page.relative_to(ROOT)}:{number}", span


def _whole_lines(text: str) -> list[str]:
    return text.replace("\\\n", " ").splitlines()
