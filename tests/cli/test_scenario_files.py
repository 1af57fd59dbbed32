"""`accord test`: what it prints, how it exits, and what it says of a file that has slips."""

import inspect
import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli.main import app
from services.cli.scenarios.command import scenarios_command
from services.cli.scenarios.files import read_file
from services.cli.scenarios.outcome import evaluated, failures
from shared.documents.loader import parse, plain
from tests.cli.scenario_writing import HEAD, KEPT, Write, problems, run, told, writing
from tests.documents.json_schema import is_valid

ROOT = Path(__file__).parents[2]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    return writing(tmp_path)


def test_what_holds_has_a_tick_and_the_exit_is_0(write: Write) -> None:
    path = write(KEPT)
    done = run(path)
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [str(path), "  ✓ keeps its promise", "1 scenario, 0 failed"]


def test_what_fails_shows_the_expected_above_the_found_and_the_exit_is_1(write: Write) -> None:
    path = write(KEPT.replace("met, elapsed 45m", "met, elapsed 44m, due 10:00, binding"))
    done = run(path.parent)
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        str(path),
        "  ✗ keeps its promise",
        f"      {path}:12: clocks at 09:50",
        "        expected  T-1 desk/response: met, elapsed 44m, due 10:00, binding",
        "        found     T-1 desk/response: met, elapsed 45m, due 10:00, binding",
        "1 scenario, 1 failed",
    ]


def test_ended_rolling_windows_are_there_on_demand(write: Write) -> None:
    text = HEAD.replace("target:", "window: {rolling: PT2H, step: PT1H}, target:")
    text += "  - it: rolls\n    events: |\n      06:00 T-1 created\n      06:10 T-1 replied\n"
    reading = "at: 09:30, windows: ['desk/response 05:00: final, met 1', desk/response 08:00, ...]"
    assert len(told(write(f"{text}    readings: [{{{reading}}}]\n"))) == 2
    path = write(f"{text}    readings: [{{allWindows: true, {reading}}}]\n")
    assert run(path).exit_code == 0
    short = reading.replace(", windows", "\n    allWindows: true\n    windows")
    assert run(write(f"{text}    {short}\n")).exit_code == 0
    inherited = f"{text}    allWindows: true\n    readings: [{{{reading}}}]\n"
    assert run(write(inherited)).exit_code == 0


def test_documents_in_a_scenario_may_be_effective_by_short_times(write: Write) -> None:
    path = write(
        HEAD.replace("name: desk,", "name: desk, effective: {from: '09:10', until: 03-03 00:00},")
        + "  - it: begins at ten past\n"
        "    events: |\n"
        "      09:00 T-1 created\n"
        "      09:10 T-2 created\n"
        "      03-03 00:00 T-3 created\n"
        "    at: 03-03 01:00\n"
        "    clocks: [T-2 desk/response]\n"
    )
    assert run(path).exit_code == 0


def test_times_are_those_of_the_zone_and_the_day(write: Write) -> None:
    path = write(
        HEAD.replace("date:", "timeZone: Europe/Berlin\ndate:")
        + "  - it: goes over the change of clocks\n"
        "    date: 2026-03-29\n"
        "    events: |\n"
        "      01:30 T-1 created\n"
        "      2026-03-29T01:15:00Z T-1 replied\n"
        "    at: 12:00\n"
        "    clocks: ['T-1 desk/response: met, 01:30..03:15, elapsed 45m, due 03:30']\n"
        "  - it: has the zone of its own\n"
        "    timeZone: UTC\n"
        "    events: |\n"
        "      09:00 T-1 created\n"
        "    at: 2026-03-02T09:20:00Z\n"
        "    clocks: ['T-1 desk/response: 09:00.., elapsed 20m']\n"
    )
    assert run(path).stdout.splitlines()[-1] == "2 scenarios, 0 failed"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("    at:", "    att:", '10: unknown field "att" in a scenario; did you mean "at"?'),
        ("met,", "mett,", '12: clocks: "mett" is nothing that can be expected here;'),
        ("met, elapsed", "met, elapsd", 'did you mean "elapsed"?'),
        ("45m", "45 min", '12: clocks: "45 min" is not a length of time like'),
        (": met, elapsed 45m", ": elapsed", '12: clocks: "elapsed" needs a value behind it'),
        ("T-1 desk/response: met", "T-1: met", '12: clocks: "T-1" names no clock; write item'),
        ("09:45 T-1 replied", "9:45 T-1 replied", '9: events: "9:45" is not a time like 09:00'),
        ("09:45 T-1 replied", "09:45 T-1", '9: events: "09:45 T-1" is not an event; write'),
        ("09:45 T-1 replied", "09:45 T-1 replied by=", ""),
        ("09:45 T-1 replied", "09:45 T-1, replied", '9: events: "T-1," has an item without a name'),
        ("09:45 T-1 replied", "09:45 T-1 replied x", '9: events: "x" is not name=value'),
        ("09:45 T-1 replied", "09:45 T-1 replied a=1 a=2", '9: events: "a" stands twice'),
        ("09:45 T-1 replied", "09:45 T-1 replied @replace=r", 'did you mean "replaces"?'),
        ("at: 09:50", "at: 25:00", '10: at: "25:00" is not a time: hour must be in 0..23'),
        ("at: 09:50\n", "\n", 'needs "at": when to evaluate'),
        ("at: 09:50", "at: 9999-01-01T00:00:00Z", "10: at: 9999-01-01T00:00:00Z lies outside the"),
        ("date: 2026-03-02\n", "", '"09:00" has no day; give the file a "date"'),
        ("within: PT1H", "within: 1h", 'did you mean "PT1H"?'),
        ("kpi: answer", "kpi: anser", 'no KPI is named "anser"; did you mean "answer"?'),
        (
            "    clocks:",
            "    clock:",
            'unknown field "clock" in a scenario; did you mean "clocks"?',
        ),
        ("    events:", "    timeZone: Berlin\n    events:", 'unknown time zone "Berlin"'),
        ("keeps its promise", "[a]", "must be text, not a list"),
    ],
)
def test_a_slip_is_told_with_its_line_and_what_was_meant(
    write: Write, old: str, new: str, problem: str
) -> None:
    text = KEPT.replace(old, new, 1)
    assert text != KEPT
    path = write(text)
    if not problem:
        assert run(path).exit_code == 0
        return
    assert any(problem in line for line in problems(path)), problems(path)


def test_all_problems_of_all_files_are_told_at_once_and_nothing_runs(write: Write) -> None:
    first = write(KEPT.replace("09:45 T-1", "9:45 T-1").replace("running", "runing"), "s/1.yaml")
    second = write("scenarios: []\n", "s/2.yaml")
    write(KEPT, "s/3.yaml")
    done = run(first.parent)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert [line.split(": ")[0] for line in done.stderr.splitlines()] == [
        f"{first}:9",
        f"{first}:13",
        f"{second}:1",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "1: a scenario file holds one YAML document"),
        ("a: 1\n---\nb: 1\n", "1: a scenario file holds one YAML document"),
        ("apiVersion: accord/v1\n", "1: this is a document, no scenario file;"),
        ("- 1\n", "1: a scenario file is a mapping"),
        (HEAD + "  - {it: x, at: 09:00}\n", "6: nothing is expected; add clocks"),
        (HEAD + "  - {it: x, refused: true, clocks: []}\n", '"refused" nothing else can be'),
        (HEAD + "  - {it: x, at: 09:00, clocks: [..., T-1 desk/o]}\n", '"..." stands last'),
        (HEAD + "  - {it: x, at: 09:00, breaches: [T-1 desk/o]}\n", "needs one span of time"),
        (HEAD + "  - {it: x, at: 09:00, windows: [desk]}\n", '"desk" names no window'),
        (HEAD + "  - {it: x, at: 09:00, clocks: []}\n" * 2, "on line 6 already"),
        ("agreements: nowhere\n" + KEPT, 'write "agreements" or "documents", not both'),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(write: Write, text: str, problem: str) -> None:
    assert any(problem in line for line in problems(write(text)))


def test_agreements_are_found_from_the_file_and_their_problems_are_told(write: Write) -> None:
    text = "agreements: ../agreements\nscenarios:\n  - {it: x, at: 2026-03-02 09:00, clocks: []}\n"
    path = write(text)
    done = run(path)
    assert (done.exit_code, "there is no such file" in done.stderr) == (2, True)
    documents = write("apiVersion: accord/v1\nkind: Kpi\n", "agreements/a.yaml")
    assert run(path).stderr.startswith(f"{path.parent / '..' / 'agreements' / documents.name}:1: ")
    documents.write_bytes(
        (ROOT / "deploy" / "agreements" / "calendars" / "offices.yaml").read_bytes()
    )
    assert run(path).exit_code == 0


def test_programs_get_json(write: Write) -> None:
    path = write(KEPT.replace("elapsed 50m", "elapsed 51m"))
    done = run("--json", path)
    assert done.exit_code == 1
    assert json.loads(done.stdout) == {
        "ok": False,
        "scenarios": 1,
        "failed": 1,
        "results": [
            {
                "file": str(path),
                "line": 6,
                "it": "keeps its promise",
                "ok": False,
                "failures": [
                    {
                        "at": "2026-03-02T09:50:00Z",
                        "line": 13,
                        "part": "clocks",
                        "expected": "T-2 desk/response: running, elapsed 51m",
                        "found": "T-2 desk/response: running, elapsed 50m",
                    }
                ],
            }
        ],
    }
    done = run("--json", write(KEPT.replace("at: 09:50", "at: x")))
    assert done.exit_code == 2
    (problem,) = json.loads(done.stdout)["problems"]
    assert (problem["file"], problem["line"]) == (str(path), 10)


def test_some_may_be_run_alone(write: Write) -> None:
    second = KEPT.partition("scenarios:\n")[2].replace("keeps its promise", "keeps it again")
    path = write(KEPT + second)
    assert run(path).stdout.splitlines()[-1] == "2 scenarios, 0 failed"
    assert run(path, "--only", "again").stdout.splitlines()[1:] == [
        "  ✓ keeps it again",
        "1 scenario, 0 failed",
    ]
    done = run(path, "--only", "agian")
    assert (done.exit_code, done.stderr) == (2, '--only: no scenario says "agian"\n')


def test_events_are_sent_as_they_are_written(write: Write) -> None:
    path = write(
        HEAD + "  - it: sends\n"
        "    at: 09:00\n"
        "    rejected: 0\n"
        "    events: |\n"
        "      # a comment, and an empty line\n"
        "\n"
        '      09:00 T-1,lead:L-1 created n=1.0 s="1.0" t="two words" l=[1] e= x=a=b @id=k  # why\n'
        "      2026-03-02T10:00:00.1234567+01:00 a:b commented.twice\n"
    )
    (scenario,) = read_file(path).scenarios
    first, second, third = (json.loads(line, parse_float=str) for line in scenario.lines)
    data = {"n": "1.0", "s": "1.0", "t": "two words", "l": [1], "e": "", "x": "a=b"}
    assert first == {
        "specversion": "1.0",
        "id": "k",
        "source": "/scenario",
        "type": "ticket.created",
        "subject": "T-1",
        "time": "2026-03-02T09:00:00Z",
        "data": data,
    }
    assert b'"n": 1.0' in scenario.lines[0]
    assert (second["type"], second["subject"]) == ("lead.created", "L-1")
    assert third == {
        "specversion": "1.0",
        "id": "line-000003",
        "source": "/scenario",
        "type": "a.commented.twice",
        "subject": "b",
        "time": "2026-03-02T10:00:00.1234567+01:00",
        "data": {},
    }


def test_a_timeline_may_be_long(write: Write) -> None:
    events = "".join(f"      09:00 T-{number} created\n" for number in range(1, 501))
    path = write(
        HEAD + f"  - it: is long\n    events: |\n{events}    at: 09:30\n"
        "    windows: ['desk/response: running 500']\n"
    )
    assert run(path).exit_code == 0


def test_what_stands_first_comes_first_at_one_instant(write: Write) -> None:
    lines = "".join(f"      09:00 T-1 assigned team=t{number}\n" for number in range(1, 12))
    path = write(
        HEAD.replace("target:", "groupBy: [team], target:")
        + f"  - it: ends with the last\n    events: |\n      08:30 T-1 created\n{lines}"
        "    at: 09:00\n"
        "    windows: [desk/response/t11]\n"
    )
    assert run(path).exit_code == 0


def test_it_answers_as_evaluate_does(write: Write, tmp_path: Path) -> None:
    (scenario,) = read_file(write(KEPT)).scenarios
    events = tmp_path / "events.ndjson"
    events.write_bytes(b"\n".join(scenario.lines))
    documents = tmp_path / "documents.yaml"
    documents.write_text(
        "apiVersion: accord/v1\nkind: Kpi\nmetadata: {name: answer}\n"
        "spec: {item: ticket, measure: duration, start: {event: ticket.created}, "
        "stop: {event: ticket.replied}}\n---\n"
        "apiVersion: accord/v1\nkind: Agreement\nmetadata: {name: desk}\n"
        "spec: {level: customer, parties: {provider: support, customer: acme}, "
        'effective: {from: "2000-01-01T00:00:00Z"}, objectives: [{name: response, kpi: answer, '
        "target: {within: PT1H}, window: {calendar: month}}]}\n"
    )
    now = "2026-03-02T09:50:00Z"
    done = CliRunner().invoke(
        app,
        ["evaluate", "--agreements", str(documents), "--events", str(events), "--now", now],
    )
    assert json.loads(done.stdout) == evaluated(scenario, scenario.readings[0])


def test_the_example_company_keeps_to_its_scenarios() -> None:
    done = run(ROOT / "deploy" / "scenarios")
    assert done.exit_code == 0, done.output


def blocks(language: str = "") -> list[str]:
    """The blocks of the page about scenarios that are written in a language."""
    page = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
    found = re.findall(r"^```(\w*)\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    return [text for name, text in found if name == language]


def test_the_page_shows_what_is_printed(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    (text,) = blocks("yaml")
    holds, fails = (one for one in blocks() if "scenarios, " in one)
    path = write(text, "scenarios/support.yaml")
    monkeypatch.chdir(path.parents[1])
    assert f"$ accord test scenarios\n{run('scenarios').stdout}" == holds
    slip = text.replace("elapsed 45m, due 03-09 09:30", "elapsed 45m, due 03-06 17:30")
    write(slip, "scenarios/support.yaml")
    assert run("scenarios").stdout == f"scenarios/support.yaml\n{fails}"


def test_the_events_of_the_page_are_events(write: Write) -> None:
    (events,) = (one for one in blocks() if "retracted" in one)
    indented = "".join(f"      {line}\n" for line in events.splitlines())
    block = f"  - it: x\n    at: 12:00\n    rejected: 1\n    events: |\n{indented}"
    path = write(HEAD + block)
    (scenario,) = read_file(path).scenarios
    assert failures(scenario) == []
    assert len(scenario.lines) == 7


def test_the_help_shows_a_file_that_loads(write: Write) -> None:
    text = inspect.cleandoc(scenarios_command.__doc__ or "")
    example = text.partition("\b\n")[2].partition("\n\n")[0]
    path = write(example.replace("../agreements", str(ROOT / "deploy" / "agreements")))
    assert [one.it for one in read_file(path).scenarios] == [
        "answers an urgent ticket within the hour"
    ]


def test_editors_get_a_schema_that_the_example_is_valid_under() -> None:
    schema = json.loads(run("--schema").stdout)
    published = ROOT / "docs" / "scenarios-schema.json"
    assert json.loads(published.read_text(encoding="utf-8")) == schema, "accord test --schema"
    path = ROOT / "deploy" / "scenarios" / "promises.yaml"
    (node,), _ = parse(path.read_text(encoding="utf-8"), path.name)
    written = plain(node)
    assert is_valid(schema, written)
    assert isinstance(written, dict)
    assert not is_valid(schema, written | {"scenario": []})


def test_without_a_path_it_says_what_to_do() -> None:
    done = run()
    assert (done.exit_code, "accord test PATH" in done.stderr) == (2, True)
