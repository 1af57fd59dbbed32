"""The page's own arithmetic: exact decimals, shown so that no miss looks like a hit."""

from typing import Any

import pytest

from services.api.scorecard import load_scorecard
from tests.page.conftest import Reader

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]
SPACE = "\u202f"


async def told(reader: Reader, module: str, calls: list[list[Any]]) -> list[Any]:
    """What functions of a module answer."""
    address = f"{reader.card.address}/assets/{load_scorecard().digest}/script/{module}.js"
    found: list[Any] = await reader.page.evaluate(
        """async ([address, calls]) => { const own = await import(address);
           return calls.map(([name, ...given]) => own[name](...given)); }""",
        [address, calls],
    )
    return found


async def test_a_share_that_misses_its_target_is_never_rounded_up_to_it(reader: Reader) -> None:
    await reader.open()
    cases = {
        ("0.949999999999", "0.95"): "94.9999999999",
        ("0.94996", "0.95"): "94.996",
        ("0.95", "0.95"): "95",
        ("0.950000000001", "0.95"): "95.0000000001",
        ("0.999999", "1"): "99.9999",
        ("1", "1"): "100",
        ("0.9512345", "0.95"): "95.12",
        ("0.5", "0.95"): "50",
        ("0.000001", "0"): "0.0001",
        ("-0.02", "0"): "\u22122",
        ("0.33335", "0.3"): "33.34",
    }
    calls = [["percent", value, [limit]] for value, limit in cases]
    assert await told(reader, "decimal", calls) == [f"{own}{SPACE}%" for own in cases.values()]


async def test_decimals_are_added_and_compared_exactly(reader: Reader) -> None:
    await reader.open()
    calls: list[list[Any]] = [
        ["compare", "0.1", "0.10"],
        ["compare", "123456789012345678.000000000001", "123456789012345678"],
        ["minus", "1", "0.9"],
        ["times", "0.05", "21"],
        ["floor", "1.05"],
        ["floor", "-0.1"],
        ["grouped", "-1234567.25"],
        ["grouped", "100"],
        ["shown", "2.5e-7", ["0"], 2],
    ]
    expected = [0, 1, "0.1", "1.05", "1", "-1", "\u22121,234,567.25", "100", "0.0000003"]
    assert await told(reader, "decimal", calls) == expected


async def test_lengths_are_told_to_the_microsecond(reader: Reader) -> None:
    await reader.open()
    cases = {
        0: f"0{SPACE}s",
        59.5: f"59.5{SPACE}s",
        3600: f"1{SPACE}h",
        95400: f"26{SPACE}h 30{SPACE}min",
        -90: f"\u22121{SPACE}min 30{SPACE}s",
        0.000001: f"0.000001{SPACE}s",
        4000000: f"1,111{SPACE}h 6{SPACE}min 40{SPACE}s",
    }
    calls: list[list[Any]] = [["lengthOf", seconds] for seconds in cases]
    assert await told(reader, "decimal", calls) == list(cases.values())


async def test_a_length_is_told_short_unless_a_limit_is_missed_by_less(reader: Reader) -> None:
    await reader.open()
    cases: dict[tuple[float, str], str] = {
        (1159.193043, "3600"): f"19{SPACE}min 19{SPACE}s",
        (3600, "3600"): f"1{SPACE}h",
        (3600.000001, "3600"): f"1{SPACE}h 0.000001{SPACE}s",
        (3599.9, "3600"): f"59{SPACE}min 59.9{SPACE}s",
        (15.376989, "20"): f"15.38{SPACE}s",
    }
    calls: list[list[Any]] = [["shortLength", own, [limit]] for own, limit in cases]
    assert await told(reader, "decimal", calls) == list(cases.values())


async def test_targets_are_told_in_words(reader: Reader) -> None:
    await reader.open()
    cases: list[tuple[dict[str, Any], str, str]] = [
        ({"within": "PT4H", "ratio": "0.95"}, "duration", f"95{SPACE}% within 4{SPACE}h"),
        ({"within": {"workingDays": 2}}, "duration", "all within 2 working days"),
        ({"within": {"workingDays": 1}}, "duration", "all within 1 working day"),
        (
            {"within": {"endOfWorkingDay": 0}, "ratio": "0.9"},
            "duration",
            f"90{SPACE}% before the end of the same working day",
        ),
        ({"within": {"endOfWorkingDay": 1}}, "duration",
         "all before the end of the next working day"),
        ({"within": {"endOfWorkingDay": 2}}, "duration",
         "all before the end of the 2nd working day after"),
        ({"within": {"endOfWorkingDay": 11}}, "duration",
         "all before the end of the 11th working day after"),
        ({"percentile": "0.9", "atMost": "PT30M"}, "duration",
         f"90{SPACE}% take at most 30{SPACE}min"),
        ({"mean": True, "atMost": "PT1H30M"}, "duration",
         f"on average at most 1{SPACE}h 30{SPACE}min"),
        ({"atLeast": 1000}, "count", "at least 1,000"),
        ({"atMost": "0.05"}, "ratio", f"at most 5{SPACE}%"),
        ({"atLeast": "0.305"}, "ratio", f"at least 30.5{SPACE}%"),
    ]  # fmt: skip
    calls: list[list[Any]] = [["targetWords", target, measure] for target, measure, _ in cases]
    assert await told(reader, "words", calls) == [words for *_, words in cases]
