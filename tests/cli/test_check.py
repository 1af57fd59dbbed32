"""`accord check`: what it prints and how it exits."""

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli.main import app
from shared.documents.schema import Kind
from tests.documents.writing import OFFICE, REOPENED, RESPONSE, first_response, promising

ROOT = Path(__file__).parents[2]


def test_good_documents_are_summed_up_in_words(tmp_path: Path) -> None:
    objectives = [
        first_response(target='{within: PT1H30M, ratio: "0.95"}'),
        first_response(name="next", series="x", target="{within: {endOfWorkingDay: 1}}"),
        first_response(name="two-days", series="y", target="{within: {workingDays: 2}}"),
        first_response(name="volume", kpi="reopened", target="{atMost: 5}", groupBy="[team]"),
    ]
    text = "---\n".join((promising("\n- ".join(objectives)), RESPONSE, REOPENED))
    (tmp_path / "a.yaml").write_text(text)
    done = CliRunner().invoke(app, ["check", str(tmp_path)])
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "ok: 1 agreement with 4 objectives, 2 KPIs, 1 calendar",
        "",
        "acme: customer sla, support -> acme",
        "  from 2026-01-01T00:00:00Z, calendar always",
        "    first-response  response: 95 % within 1 h 30 min each month (UTC)",
        "    next            response: 100 % by the end of the next working day each month (UTC)",
        "    two-days        response: 100 % within 2 working days each month (UTC)",
        "    volume          reopened: at most 5 each month (UTC), for each team",
        "",
        "KPIs: reopened, response",
        "calendars: always",
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {
                "target": '{percentile: "0.9", atMost: PT30M}',
                "window": "{rolling: P7D, step: PT1H}",
            },
            "response: the fastest 90 % within 30 min over 7 days, anew every 1 h",
        ),
        (
            {"target": "{mean: true, atMost: PT30M}", "window": "{tumbling: PT1H}"},
            "response: on average within 30 min each 1 h from the epoch on",
        ),
        (
            {"attribution": "started"},
            "response: 100 % within 1 h each month (UTC), in the window of its start",
        ),
    ],
)
def test_each_kind_of_promise_has_words(
    tmp_path: Path, changes: dict[str, str], words: str
) -> None:
    text = promising(first_response(**changes)) + "---\n" + RESPONSE
    (tmp_path / "a.yaml").write_text(text)
    done = CliRunner().invoke(app, ["check", str(tmp_path)])
    assert done.exit_code == 0
    assert f"    first-response  {words}" in done.stdout.splitlines()


def test_built_in_kpis_are_told_from_those_of_the_folder(tmp_path: Path) -> None:
    objectives = [
        first_response(),
        first_response(name="solved", kpi="solved-tickets", target="{atMost: 5}"),
        first_response(name="owned", kpi="ticket-time-to-own"),
    ]
    (tmp_path / "a.yaml").write_text(promising("\n- ".join(objectives)) + "---\n" + RESPONSE)
    done = CliRunner().invoke(app, ["check", str(tmp_path)])
    assert done.stdout.splitlines()[-3:] == [
        "KPIs: response",
        "built-in KPIs: solved-tickets, ticket-time-to-own",
        "calendars: always",
    ]
    done = CliRunner().invoke(app, ["check", "--json", str(tmp_path)])
    assert json.loads(done.stdout)["built_in_kpis"] == ["solved-tickets", "ticket-time-to-own"]


def test_every_problem_is_a_line_with_its_place_and_the_exit_is_2(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(promising(first_response(target="95%", colour="red")))
    done = CliRunner().invoke(app, ["check", str(file)])
    assert done.exit_code == 2
    assert done.stdout == ""
    assert [line.split(": ")[0] for line in done.stderr.splitlines()] == [f"{file}:9"] * 3


def test_programs_get_json(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(promising(first_response(kpi="respons")) + "---\n" + RESPONSE)
    done = CliRunner().invoke(app, ["check", "--json", str(file)])
    assert done.exit_code == 2
    (problem,) = json.loads(done.stdout)["problems"]
    assert problem == {
        "file": str(file),
        "line": 9,
        "column": 33,
        "message": 'no KPI is named "respons"; did you mean "response"?',
    }
    done = CliRunner().invoke(app, ["check", "--json", str(ROOT / "deploy" / "agreements")])
    assert done.exit_code == 0
    assert json.loads(done.stdout)["ok"] is True


def test_a_name_that_is_no_text_breaks_no_json(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.yaml")).write_text("a: 1\n")
    done = CliRunner().invoke(app, ["check", "--json", str(tmp_path)])
    assert done.exit_code == 2
    files = {problem["file"] for problem in json.loads(done.stdout)["problems"]}
    assert files == {f"{tmp_path}/caf\\udce9.yaml"}
    done = CliRunner().invoke(app, ["check", str(tmp_path)])
    assert done.exit_code == 2
    assert done.stderr.startswith(f"{tmp_path}/caf\\udce9.yaml:1: ")


def test_a_warning_is_said_and_nothing_is_refused_for_it(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    text = promising(first_response(target="{within: PT1H, ratio: 0}"))
    file.write_text(text + "---\n" + RESPONSE)
    done = CliRunner().invoke(app, ["check", str(tmp_path)])
    assert done.exit_code == 0
    assert done.stdout.startswith("ok: ")
    assert done.stderr == f"{file}:9: warning: target: a ratio of 0 can never be missed\n"
    done = CliRunner().invoke(app, ["check", "--json", str(tmp_path)])
    (warning,) = json.loads(done.stdout)["warnings"]
    assert (warning["file"], warning["line"]) == (str(file), 9)


def test_holidays_that_run_out_are_warned_of(tmp_path: Path) -> None:
    office = OFFICE.rstrip() + "\n  holidays: {dates: [1999-04-03]}\n"
    text = promising(first_response(), more="calendar: office\n")
    (tmp_path / "a.yaml").write_text(f"{text}---\n{RESPONSE}---\n{office}")
    done = CliRunner().invoke(app, ["check", str(tmp_path)])
    assert done.exit_code == 0
    assert "none is known from 2000 on" in done.stderr


def test_the_schema_is_printed_for_editors() -> None:
    done = CliRunner().invoke(app, ["check", "--schema"])
    assert done.exit_code == 0
    assert list(json.loads(done.stdout)["$defs"]) == list(Kind)


@pytest.mark.parametrize("kind", list(Kind))
def test_the_schema_of_one_kind_is_printed(kind: Kind) -> None:
    done = CliRunner().invoke(app, ["check", "--schema", kind])
    assert done.exit_code == 0
    assert json.loads(done.stdout)["title"] == kind


def test_a_schema_of_no_kind_is_refused() -> None:
    done = CliRunner().invoke(app, ["check", "--schema", "agreement"])
    assert done.exit_code == 2
    assert f"write --schema {', '.join(Kind)} or nothing" in done.stderr


def test_without_a_path_it_says_what_to_do() -> None:
    done = CliRunner().invoke(app, ["check"])
    assert done.exit_code == 2
    assert "accord check PATH" in done.stderr
