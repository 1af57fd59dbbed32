"""What the demo's screen says of each kind of promise."""

from collections.abc import Mapping
from io import StringIO

from rich.console import Console

from services.cli.api_client import Answer, Api, ApiError
from services.cli.demo_screen import Screen, Traffic
from services.cli.demo_status import Promise, look, refused_documents
from shared.domain.instant import parse_instant

NOW = parse_instant("2026-03-10T10:05:00Z")


class Answering(Api):
    """Answers with these states, and with no breaches."""

    def __init__(self, *states: Answer) -> None:
        """Nothing is connected to."""
        super().__init__("http://127.0.0.1:1")
        self._states = states

    def get(self, path: str, **_asked: object) -> Answer:
        """The list that is asked for, on one page."""
        items = list(self._states) if path == "/v1/states" else []
        return {"as_of": "2026-03-10T10:05:00Z", "items": items, "next": None}


def a_state(
    counts: Mapping[str, int],
    target: Mapping[str, object],
    value: str | None = "1",
    start: str = "2026-03-01T00:00:00Z",
    end: str = "2026-04-01T00:00:00Z",
) -> Answer:
    window = {"start": start, "end": end}
    own = {"sla_id": "desk/own", "state": "ok", "value": value, "budget_remaining": None}
    return {**own, "window": window, "target": target, "counts": counts}


def shown(state: Answer) -> Promise:
    [promise] = look(Answering(state), now=NOW).promises
    return promise


def test_clocks_are_shown_as_met_missed_and_running() -> None:
    counts = {"met": 7, "breached_open": 1, "breached_closed": 2, "running": 3}
    own = shown(a_state(counts, {"within": "PT1H", "ratio": "0.95"}, value="0.7"))
    assert (own.counts, own.value, own.window) == ("7 / 3 / 3", "0.7", "2026-03-01")


def test_what_is_counted_is_shown_as_a_number() -> None:
    assert shown(a_state({"count": 12}, {"atLeast": 10})).counts == "12"


def test_a_ratio_is_shown_by_its_parts_and_a_cohort_by_what_is_pending_too() -> None:
    assert shown(a_state({"good": 4, "total": 5}, {"atLeast": "0.8"})).counts == "4 of 5"
    cohort = {"good": 4, "total": 9, "pending": 5}
    assert shown(a_state(cohort, {"atLeast": "0.8"})).counts == "4 of 9, 5 pending"


def test_times_are_seconds_and_short_windows_have_times() -> None:
    counts = {"met": 7, "breached_open": 0, "breached_closed": 0, "running": 0}
    start, end = "2026-03-10T09:15:00Z", "2026-03-10T10:15:00Z"
    target = {"percentile": "0.9", "atMost": "PT30S"}
    own = shown(a_state(counts, target, "12.3456", start, end))
    assert (own.value, own.window) == ("12.345 s", "09:15-10:15")
    assert shown(a_state(counts, target, None, start, end)).value == ""


class Evaluator(Api):
    """Says this of its documents; nothing: that it is not ready."""

    def __init__(self, documents: str | None) -> None:
        """Nothing is connected to."""
        super().__init__("http://127.0.0.1:1")
        self._documents = documents

    def get(self, path: str, **_asked: object) -> Answer:
        """Its checks."""
        if self._documents is None:
            message = f"{path} answered 503"
            raise ApiError(message)
        return {"ready": True, "checks": {"database": "ok", "documents": self._documents}}


def test_documents_that_are_refused_are_shown_until_they_load() -> None:
    said = 'the last good ones stay in use: new.yaml:17: no KPI is named "x" [y]'
    assert [refused_documents(Evaluator(own)) for own in (said, "ok", None)] == [said, None, None]
    for terminal in (False, True):
        shown_on = StringIO()
        console = Console(file=shown_on, width=200, height=50, force_terminal=terminal)
        with Screen(console, {}) as screen:
            status = look(Answering(), now=NOW, refused=said)
            screen.show(status, Traffic(sent=1, rate=1, waiting=0), now=NOW)
        assert f"documents refused, {said}" in shown_on.getvalue()


def test_an_address_stays_on_one_line() -> None:
    shown_on = StringIO()
    address = f"export ACCORD_DATABASE_URL=postgresql://{'a' * 100}"
    with Screen(Console(file=shown_on, width=40), {"for accord": address}):
        pass
    assert shown_on.getvalue() == f"for accord   {address}\n"
