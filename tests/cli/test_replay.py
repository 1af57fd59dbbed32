"""What a replay tells people, and what it refuses before it begins."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli.main import app
from services.cli.replaying.differences import SHOWN, Difference, Found, Sort
from services.cli.replaying.report import difference_lines, preview_lines

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """Runs the command in an environment that names no servers."""
    for name in ("DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS", "AGREEMENTS"):
        monkeypatch.delenv(f"ACCORD_{name}", raising=False)
    return CliRunner()


def test_without_a_database_it_says_what_to_set(runner: CliRunner) -> None:
    done = runner.invoke(app, ["replay"])
    assert done.exit_code == 2
    assert "ACCORD_DATABASE_URL is not set" in done.stderr


def test_a_database_that_does_not_answer_ends_it_with_2(
    runner: CliRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCORD_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    for options in (["replay"], ["replay", "--clean"]):
        done = runner.invoke(app, options)
        assert (done.exit_code, "Error" in done.stderr) == (2, True)


def test_documents_that_do_not_load_end_it_with_their_problems(
    runner: CliRunner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ACCORD_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    (tmp_path / "wrong.yaml").write_text("kind: Wish\n", encoding="utf-8")
    done = runner.invoke(app, ["replay", "--agreements", str(tmp_path)])
    assert done.exit_code == 2
    assert "wrong.yaml:1" in done.stderr


def test_a_difference_tells_both_sides_and_the_events_of_its_item() -> None:
    first = Difference(
        "item",
        {"key": "ticket:T-1"},
        {"next_due": "none"},
        {"next_due": "2026-03-01T10:00:00Z"},
        ("2026-03-01T09:00:00Z ticket.created /desk 1",),
    )
    gone = Difference("value", {"objective": "a/b"}, {"state": "ok"}, None)
    found = Found({Sort("item", "", "changed"): 1, Sort("value", "a/b", "gone"): 30}, [first, gone])
    assert [*difference_lines(found)] == [
        "item key=ticket:T-1",
        "  next_due: stored none, rebuilt 2026-03-01T10:00:00Z",
        "  events of the item:",
        "    2026-03-01T09:00:00Z ticket.created /desk 1",
        "value objective=a/b",
        "  stored only: state ok",
        "… and 29 more (in all: 1 item, 30 value)",
    ]
    assert SHOWN == 20


def test_a_preview_sums_by_objective_and_shows_states_beside_each_other() -> None:
    window = Difference(
        "value",
        {"objective": "a/b", "grp": "[]", "window_start": "2026-03-01T00:00:00Z"},
        {"state": "ok", "value": "0.7"},
        {"state": "at_risk", "value": "0.5"},
        brief=("ok 0.7", "at_risk 0.5"),
    )
    breach = Difference(
        "breach",
        {"objective": "a/b", "breach_id": "1", "item": "ticket:T-1", "grp": "[]"},
        None,
        {"opened_at": "2026-03-01T10:00:00Z"},
        brief=("-", "open"),
    )
    tally = {Sort("value", "a/b", "state"): 1, Sort("breach", "a/b", "new"): 1}
    lines = [line.split() for line in preview_lines(Found(tally, [window, breach]))]
    assert lines[1] == ["a/b", "1", "1", "1", "0", "0"]
    assert lines[4:] == [
        ["a/b", "window", "[]", "2026-03-01T00:00:00Z", "ok", "0.7", "at_risk", "0.5"],
        ["a/b", "breach", "ticket:T-1", "[]", "2026-03-01T10:00:00Z", "-", "open"],
    ]


def test_a_preview_that_changes_nothing_has_no_table() -> None:
    assert [*preview_lines(Found({}, []))] == []
