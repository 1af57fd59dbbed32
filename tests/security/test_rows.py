"""docs/security.md: forty rows, each with a state that is counted, and tests that there are."""

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
STATES = ("tested", "partly", "not done", "not applicable")
ROWS = re.findall(r"^\| (S\d\d|API\d+)[^|]* \|(.*)\|$", TEXT, re.MULTILINE)


def test_every_row_is_there_once() -> None:
    names = [name for name, _ in ROWS]
    assert names == [f"API{number}" for number in range(1, 11)] + [
        f"S{number:02}" for number in range(1, 41)
    ]


def _state(rest: str) -> str:
    [state] = [cell for cell in map(str.strip, rest.split("|")) if cell in STATES]
    return state


def test_the_states_are_counted() -> None:
    counted = Counter(_state(rest) for name, rest in ROWS if name.startswith("S"))
    said = {
        state.lower(): int(number) for state, number in re.findall(r"(\w[\w ]*): (\d+)\.", TEXT)
    }
    assert said == dict(counted)


def test_what_is_said_to_be_tested_names_a_test_that_there_is() -> None:
    tests = "".join(
        path.read_text(encoding="utf-8") for path in sorted((ROOT / "tests").rglob("test_*.py"))
    )
    for name, rest in ROWS:
        named = re.findall(r"`(tests/[\w/]+\.py)`", rest)
        functions = re.findall(r"`(test_\w+)`", rest)
        if _state(rest) == "tested":
            assert named or functions, name
        for path in named:
            assert (ROOT / path).is_file(), (name, path)
        for function in functions:
            assert f"def {function}(" in tests, (name, function)
