"""The command `accord report`, of events: three forms with the numbers that `evaluate` prints."""

import csv
import json
from collections.abc import Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar, Final

import pytest
from typer.testing import CliRunner, Result

from services.api.reports.examples import REPORT
from services.cli.evaluate import WRONG_INPUT
from services.cli.main import app
from shared.wire.cloudevents import encode
from tests.api.stored import DOCUMENTS, EVENTS

NOW = "2026-03-02T12:00:00Z"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command is called, with documents and events."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "agreements").mkdir()
    (tmp_path / "agreements" / "documents.yaml").write_text(DOCUMENTS, encoding="utf-8")
    lines = b"".join(encode(event) + b"\n" for event in EVENTS)
    (tmp_path / "events.ndjson").write_bytes(lines)
    return tmp_path


GIVEN = ("--agreements", "agreements", "--events", "events.ndjson", "--now", NOW)


def report(name: str, *options: str, given: tuple[str, ...] = GIVEN) -> Result:
    return CliRunner().invoke(app, ["report", name, *given, *options])


def read(path: Path) -> Any:  # noqa: ANN401 - JSON
    return json.loads(path.read_bytes(), parse_float=Decimal)


def test_its_windows_and_breaches_are_those_of_evaluate(folder: Path) -> None:
    told = CliRunner().invoke(app, ["evaluate", *GIVEN])
    evaluated = json.loads(told.stdout, parse_float=Decimal)
    assert report("everyone", "--period", "2026-03", "--out", "r.json").exit_code == 0
    made = read(folder / "r.json")
    windows = [window for own in made["objectives"] for window in own["windows"]]
    expected = [
        row
        for row in evaluated["objectives"]
        if row["agreement"] == "everyone" and row["window"]["end"] > "2026-03-01T00:00:00Z"
    ]
    assert len(windows) == len(expected) == 4
    for window, row in zip(windows, expected, strict=True):
        assert {name: window[name] for name in row} == row
    breaches = [breach for own in made["objectives"] for breach in own["breaches"]]
    assert {(b["item"], b["opened_at"]) for b in breaches if b["scope"] == "item"} == {
        (row["item"], row["opened_at"])
        for row in evaluated["breaches"]
        if row["agreement"] == "everyone" and row["scope"] == "item"
    }
    assert made["totals"]["states"]["breached"] == sum(
        row["state"] == "breached" for row in expected
    )


def test_without_a_period_it_is_the_last_whole_month(folder: Path) -> None:
    told = report("everyone")
    assert told.stdout == "everyone_2026-02.html\n"
    page = (folder / "everyone_2026-02.html").read_text(encoding="utf-8")
    assert "<title>everyone, 2026-02</title>" in page
    assert "<style>" in page


def test_the_form_is_as_asked_or_as_the_files_name_ends(folder: Path) -> None:
    assert report("everyone", "--period", "2026-03", "--format", "csv").exit_code == 0
    assert report("everyone", "--period", "2026-03", "--out", "other.CSV").exit_code == 0
    texts = [(folder / name).read_bytes() for name in ("everyone_2026-03.csv", "other.CSV")]
    assert texts[0] == texts[1]
    rows = [*csv.DictReader(texts[0].decode().splitlines())]
    assert [row["sla_id"] for row in rows if row["record"] == "window"] == [
        "everyone/leads",
        "everyone/response/acme/emea",
        "everyone/response/globex/~",
        "everyone/response/globex/a%2Fb%20c",
    ]


def test_a_span_between_instants_is_in_the_calendars_zone(folder: Path) -> None:
    told = report(
        "acme-support", "--from", "2026-02-01", "--until", "2026-03-01", "--out", "r.json"
    )
    assert told.exit_code == 0
    made = read(folder / "r.json")
    assert made["period"]["name"] is None
    assert made["period"]["time_zone"] == "UTC"
    # The month of Berlin ends an hour before that of UTC.
    assert [own["window"]["end"] for own in made["objectives"][0]["windows"]] == [
        "2026-02-28T23:00:00Z"
    ]


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("nobody", (), "known: acme-support, everyone, hosting-desk"),
        ("everyone", ("--out", "r.pdf"), "--out r.pdf: a report is .html (for print), .csv or"),
        ("everyone", ("--out", "none/r.csv"), "none/r.csv cannot be written: No such file"),
        ("everyone", ("--period", "march"), "--period: 'march' cannot be read"),
        ("everyone", ("--from", "2026-03-01"), "--until: `from` and `until` need each other"),
        ("everyone", ("--from", "2026-03-02", "--until", "2026-03-02"), "ends before it begins"),
        (
            "everyone",
            ("--period", "2026-03", "--from", "2026-03-02", "--until", "2026-03-03"),
            "--period: it cannot stand beside",
        ),
    ],
)
@pytest.mark.usefixtures("folder")
def test_what_cannot_be_reported_is_said(name: str, options: tuple[str, ...], says: str) -> None:
    told = report(name, *options)
    assert told.exit_code == WRONG_INPUT
    assert says in told.stderr


@pytest.mark.usefixtures("folder")
def test_events_need_documents_and_an_instant() -> None:
    told = report("everyone", given=("--events", "events.ndjson"))
    assert told.exit_code == WRONG_INPUT
    assert "--agreements and --now" in told.stderr


_REFUSED: Final = {
    "/nobody?": (404, "no document is named 'nobody'"),
    "period=2026-13": (422, "period: '2026-13' is no month"),
    "/secret?": (403, "this key has not the scope read"),
    "/later?": (503, "nothing can be read at the moment; ask again"),
}


class _Answering(BaseHTTPRequestHandler):
    asked: ClassVar[list[tuple[str, str | None]]] = []

    def do_GET(self) -> None:
        """Answer with the example, or with a problem where what is asked for is refused."""
        self.asked.append((self.path, self.headers["authorization"]))
        refused = [own for own in _REFUSED if own in self.path]
        status, detail = _REFUSED[refused[0]] if refused else (200, "")
        body = json.dumps({"detail": detail} if refused else REPORT).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of an api, which the environment names too."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answering)
    thread = Thread(target=server.serve_forever)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("ACCORD_API_KEY", "secret")
    monkeypatch.setenv("ACCORD_API_URL", address)
    _Answering.asked.clear()
    try:
        yield address
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.usefixtures("answering")
def test_the_api_is_asked_with_the_key_of_the_environment(folder: Path) -> None:
    told = report("acme-support", "--period", "2026-03", "--out", "r.json", given=())
    assert told.exit_code == 0, told.output
    [(path, shown)] = _Answering.asked
    assert path.startswith("/v1/reports/acme-support?format=json&period=2026-03")
    assert shown == "Bearer secret"
    assert read(folder / "r.json") == json.loads(json.dumps(REPORT), parse_float=Decimal)


def test_an_api_that_is_not_there_is_named() -> None:
    told = report("everyone", "--api", "http://127.0.0.1:9", given=())
    assert told.exit_code == 1
    assert "the API at http://127.0.0.1:9 does not answer" in told.stderr


@pytest.mark.usefixtures("folder")
def test_a_problem_is_told_in_its_own_words(answering: str) -> None:
    told = report("nobody", given=())
    assert told.exit_code == WRONG_INPUT  # as of events
    assert told.stderr.startswith(f"{answering}/v1/reports/nobody?")
    assert told.stderr.endswith(" answered 404: no document is named 'nobody'\n")


@pytest.mark.parametrize(
    ("name", "period", "code"),
    [("everyone", "2026-13", WRONG_INPUT), ("secret", "2026-03", 1), ("later", "2026-03", 1)],
)
@pytest.mark.usefixtures("folder", "answering")
def test_what_the_api_refuses_ends_as_it_does_of_events(name: str, period: str, code: int) -> None:
    assert report(name, "--period", period, given=()).exit_code == code
