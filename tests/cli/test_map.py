"""`accord map`: what a source makes of payloads, line by line; and what `check` says of sources."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli.main import app
from tests.documents.examples import example
from tests.documents.writing import RESPONSE, first_response, promising

LEADS = "lead.created, lead.qualified, lead.accepted, lead.won, lead.amount_changed"
TICKETS = (
    "ticket.created, ticket.replied, ticket.commented, ticket.assigned, ticket.solved,"
    " ticket.reopened"
)
DESK, CRM = example("A help desk"), example("A CRM")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two sources beside an agreement."""
    texts = (promising(first_response()), RESPONSE, DESK.document, CRM.document)
    documents = tmp_path / "documents"
    documents.mkdir()
    (documents / "all.yaml").write_text("---\n".join(texts), encoding="utf-8")
    return documents


def line(payload: bytes) -> str:
    return json.dumps(json.loads(payload)) + "\n"


def test_payloads_become_lines_that_evaluate_reads(folder: Path, tmp_path: Path) -> None:
    command = ["map", "--sources", str(folder), "--source", "zendesk", "--payloads", "-"]
    done = CliRunner().invoke(app, command, input="\n" + line(DESK.payload))
    assert done.exit_code == 0
    assert [json.loads(one) for one in done.stdout.splitlines()] == DESK.events
    (tmp_path / "events.ndjson").write_text(done.stdout, encoding="utf-8")
    command = ["evaluate", "--agreements", str(folder), "--now", "2026-03-31T00:00:00Z"]
    done = CliRunner().invoke(app, [*command, "--events", str(tmp_path / "events.ndjson")])
    assert (done.exit_code, json.loads(done.stdout)["rejected"]) == (0, [])


def test_lines_that_are_refused_say_why_and_the_others_go_on(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "payloads.ndjson"
    file.write_text("{}\n" + line(CRM.payload) + "[{}]\n", encoding="utf-8")
    command = ["map", "--sources", str(folder), "--source", "hubspot", "--payloads", str(file)]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 1
    assert [json.loads(one) for one in done.stdout.splitlines()] == CRM.events
    assert done.stderr == f"{file}:1: wrong_type_each: each: payload is not an array\n"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ((), "there are several sources; choose one with --source: hubspot, zendesk"),
        (("--source", "zendeks"), 'no source is named "zendeks"; did you mean "zendesk"?'),
        (("--source", "x"), 'no source is named "x"; there are hubspot, zendesk'),
    ],
)
def test_the_source_has_to_be_one_of_those_there(
    folder: Path, name: tuple[str, ...], message: str
) -> None:
    done = CliRunner().invoke(app, ["map", "--sources", str(folder), "--payloads", "-", *name])
    assert (done.exit_code, done.stderr) == (2, message + "\n")


def test_a_file_that_is_not_there_is_said(folder: Path) -> None:
    command = ["map", "--sources", str(folder), "--source", "zendesk", "--payloads", "nowhere"]
    done = CliRunner().invoke(app, command)
    assert (done.exit_code, done.stderr) == (2, "nowhere: No such file or directory\n")


def test_documents_that_do_not_load_are_said(tmp_path: Path) -> None:
    file = tmp_path / "sources.yaml"
    file.write_text(DESK.document.replace("subject:", "subjekt:"), encoding="utf-8")
    done = CliRunner().invoke(app, ["map", "--sources", str(file), "--payloads", "-"])
    assert done.exit_code == 2
    assert (
        f'{file}:11: unknown field "subjekt" in a mapping; did you mean "subject"?' in done.stderr
    )


def test_check_says_what_sources_carry(folder: Path) -> None:
    done = CliRunner().invoke(app, ["check", str(folder)])
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[0] == "ok: 1 agreement with 1 objective, 1 KPI, 1 calendar, 2 sources"
    assert lines[-3:] == [
        "sources:",
        f"    hubspot: the topic hubspot.contacts carries payloads that become {LEADS}",
        f"    zendesk: the topic zendesk.tickets carries payloads that become {TICKETS}",
    ]
    done = CliRunner().invoke(app, ["check", "--json", str(folder)])
    found = json.loads(done.stdout)["sources"]
    assert found == {"hubspot": "hubspot.contacts", "zendesk": "zendesk.tickets"}


def test_check_knows_sources_of_cloudevents_and_of_any_type(tmp_path: Path) -> None:
    mapping = (
        "{source: /a, kind: lead, id: {path: i}, subject: {path: s}, time: {path: t},"
        " type: {path: w}}"
    )
    head = "apiVersion: accord/v1\nkind: Source\nmetadata: {{name: {0}}}\nspec: {{topic: {0}{1}}}\n"
    text = head.format("a", "") + "---\n" + head.format("b", f", mapping: {mapping}")
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    done = CliRunner().invoke(app, ["check", str(tmp_path)])
    assert done.stdout.splitlines()[-2:] == [
        "    a: the topic a carries CloudEvents",
        "    b: the topic b carries payloads that become lead.…",
    ]
