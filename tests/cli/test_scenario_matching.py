"""What a scenario expects against what it finds, told in the words of what was expected."""

from pathlib import Path

import pytest

from tests.cli.scenario_writing import HEAD, KEPT, Write, run, told, writing


@pytest.fixture
def write(tmp_path: Path) -> Write:
    return writing(tmp_path)


@pytest.mark.parametrize(
    ("clocks", "found"),
    [
        (["T-1 desk/response: met", "T-2 desk/response"], []),
        (["T-1 desk/response 1: met", "..."], []),
        (["ticket:T-2 desk/response: running", "T-1 desk/response", "..."], []),
        (["T-3 desk/response: none", "..."], []),
        (["..."], []),
        (
            ["T-1 desk/response: met"],
            ["expected  nothing", "found     T-2 desk/response 1: running, 09:00.."],
        ),
        (
            [],
            [
                "expected  nothing",
                "found     T-1 desk/response 1: met, 09:00..09:45",
                "expected  nothing",
                "found     T-2 desk/response 1: running, 09:00..",
            ],
        ),
        (
            ["T-1 desk/response: met", "T-1 desk/response: met", "..."],
            ["expected  T-1 desk/response: met", "found     nothing"],
        ),
        (
            ["T-1 desk/response 2: met", "..."],
            ["expected  T-1 desk/response 2: met", "found     nothing"],
        ),
        (
            ["T-1 desk/response: none", "..."],
            [
                "expected  T-1 desk/response: none",
                "found     T-1 desk/response 1: met, 09:00..09:45",
            ],
        ),
        (
            ["T-2 desk/response: running", "T-1 desk/response: met"],
            [
                "expected  T-2 desk/response: running, as number 1 of the list",
                "found     T-1 desk/response 1: met, 09:00..09:45, as number 1 of the list",
            ],
        ),
    ],
)
def test_a_list_is_all_there_is_in_order_unless_it_ends_in_others(
    write: Write, clocks: list[str], found: list[str]
) -> None:
    listed = "".join(f"      - {clock}\n" for clock in clocks)
    head, _, _ = KEPT.partition("    clocks:\n")
    assert told(write(f"{head}    clocks:{listed and chr(10)}{listed or ' []'}\n")) == found


def test_a_loose_entry_leaves_the_row_that_only_a_strict_one_fits(write: Write) -> None:
    path = write(
        HEAD.replace("name: desk,", "name: desk, appliesTo: {priority: p1},")
        + "  - it: has two clocks of one name\n"
        "    events: |\n"
        "      09:00 T-1 created priority=p1\n"
        "      09:10 T-1 priority_changed priority=p2\n"
        "      09:20 T-1 priority_changed priority=p1\n"
        "    at: 09:30\n"
        "    clocks: [T-1 desk/response, 'T-1 desk/response: cancelled', ...]\n"
    )
    assert run(path).exit_code == 0


@pytest.mark.parametrize(
    ("fact", "found"),
    [
        ("running", "met"),
        ("09:00..09:46", "09:00..09:45"),
        ("09:00..", "09:00..09:45"),
        ("started 09:01", "started 09:00"),
        ("stopped none", "stopped 09:45"),
        ("elapsed 1h", "elapsed 45m"),
        ("paused 0.5s", "paused 0s"),
        ("left none", "left 15m"),
        ("target 59m", "target 1h"),
        ("due 10:00:01", "due 10:00"),
        ("last none", "last 10:00"),
        ("broken 09:00", "broken none"),
        ("at_risk", "not at_risk"),
        ("not binding", "binding"),
    ],
)
def test_each_fact_of_a_clock_is_told_in_its_own_words(write: Write, fact: str, found: str) -> None:
    path = write(KEPT.replace("met, elapsed 45m", fact))
    assert told(path) == [
        f"expected  T-1 desk/response: {fact}",
        f"found     T-1 desk/response: {found}",
    ]


@pytest.mark.parametrize(
    ("who", "fact", "found"),
    [
        ("desk/response", "no_data", "ok"),
        ("desk/response", "value 0.5", "value 1"),
        ("desk/response", "value none", "value 1"),
        ("desk/response", "value 2s", "value 1s"),
        ("desk/response", "budget 0", "budget 1"),
        ("desk/response", "final", "open"),
        ("desk/response 02-01 00:00", "open", "final"),
        ("desk/response", "ends 03-31 00:00", "ends 04-01 00:00"),
        ("desk/response", "level service", "level customer"),
        ("desk/response", "target within PT2H", "target within PT1H"),
        ("desk/response", "met 2", "met 1"),
        ("desk/response", "excluded 1", "excluded 0"),
        ("desk/response", "pending 1", "no pending"),
        ("desk/response 03-01 00:00", "running 0", "running 1"),
    ],
)
def test_each_fact_of_a_window_is_told_in_its_own_words(
    write: Write, who: str, fact: str, found: str
) -> None:
    events = "    events: |\n      02-03 09:00 T-0 created\n"  # a window before, which missed
    head, _, _ = KEPT.replace("    events: |\n", events).partition("    clocks:\n")
    assert told(write(f"{head}    windows:\n      - {who}: {fact}\n      - ...\n")) == [
        f"expected  {who}: {fact}",
        f"found     {who}: {found}",
    ]


def test_breaches_of_items_and_windows_are_spans_of_time(write: Write) -> None:
    head, _, _ = KEPT.replace("at: 09:50", "at: 10:30").partition("    clocks:\n")
    listed = (
        "    breaches:\n      - T-2 desk/response: 10:00..\n      - desk/response 03-01 00:00: "
    )
    assert run(write(f"{head}{listed}10:00..\n")).exit_code == 0
    assert told(write(f"{head}{listed}10:01..\n")) == [
        "expected  desk/response 03-01 00:00: 10:01..",
        "found     desk/response 03-01 00:00: 10:00..",
    ]


def test_one_timeline_may_be_read_more_than_once(write: Write) -> None:
    path = write(
        HEAD + "  - it: runs and is late\n"
        "    events: |\n"
        "      09:00 T-1 created\n"
        "    readings:\n"
        "      - {at: 09:30, clocks: ['T-1 desk/response: running'], breaches: []}\n"
        "      - {at: 10:30, clocks: ['T-1 desk/response: running'], breaches: []}\n"
    )
    lines = run(path).stdout.splitlines()
    assert [line.strip() for line in lines if " at " in line] == [
        f"{path}:11: clocks at 10:30",
        f"{path}:6: breaches at 10:30",
        f"{path}:6: breaches at 10:30",
    ]


def test_lines_that_are_rejected_are_counted_or_named(write: Write) -> None:
    text = KEPT.replace(
        "      09:45 T-1 replied\n", "      = {}\n      09:45 T-1 replied\n      = [1]\n"
    )
    path = write(text)
    assert told(path)[0] == "expected  0"
    assert told(path)[1].startswith("found     2: ")
    assert "3 (line 9: " in told(path)[1]
    assert "5 (line 11: " in told(path)[1]
    assert run(write(text + "    rejected: 2\n")).exit_code == 0
    assert run(write(text + "    rejected: [3, 5]\n")).exit_code == 0
    assert told(write(text + "    rejected: [3, 4]\n"))[0] == "expected  3, 4"
    readings = "    rejected: 2\n    readings:\n      - {at: 09:46, clocks: [...]}\n"
    assert run(write(text + readings)).exit_code == 0
    assert len(told(write(text + readings + "      - {at: 09:47, rejected: 1}\n"))) == 2


def test_documents_may_have_to_be_refused_for_a_reason(write: Write) -> None:
    one = "  - it: needs a target\n    alone: true\n    refused: {}\n    documents:\n      - {}\n"
    document = "{kind: Agreement, name: a, objectives: [{name: o, kpi: k, colour: red}]}"
    text = HEAD + one.replace("- {}", f"- {document}")
    assert run(write(text.replace("refused: {}", "refused: true"))).exit_code == 0
    assert run(write(text.replace("refused: {}", 'refused: unknown field "colour"'))).exit_code == 0
    path = write(text.replace("refused: {}", "refused: overlap"))
    assert told(path)[0] == "expected  refused: overlap"
    assert 'unknown field "colour"' in told(path)[1]
    path = write(HEAD + "  - it: is fine\n    refused: true\n")
    assert told(path) == ["expected  refused", "found     the documents load"]
