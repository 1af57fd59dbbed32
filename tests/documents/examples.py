"""The examples of the page about events: a source, a payload, and the events that it gives."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "events.md"


@dataclass(frozen=True, slots=True)
class Example:
    """One section of the page."""

    document: str
    payload: bytes
    events: list[dict[str, object]]


def example(heading: str) -> Example:
    """The example under a heading."""
    text = PAGE.read_text(encoding="utf-8")
    section = re.split(r"^#{2,3} ", text.partition(f"### {heading}\n")[2], flags=re.MULTILINE)[0]
    [document] = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
    payload, events = re.findall(r"```json\n(.*?)```", section, re.DOTALL)
    return Example(document, payload.encode(), _objects(events))


def _objects(text: str) -> list[dict[str, object]]:
    """JSON objects one after the other."""
    found = []
    while text := text.strip():
        value, end = json.JSONDecoder().raw_decode(text)
        found.append(value)
        text = text[end:]
    return found
