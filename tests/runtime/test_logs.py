"""Logs as lines of JSON."""

import json
import logging
from collections.abc import Iterator
from decimal import Decimal

import pytest
from prometheus_client import CollectorRegistry

from shared.runtime import logs, metrics


@pytest.fixture(autouse=True)
def undo_logging() -> Iterator[None]:
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    yield
    root.handlers[:], root.level = before
    logging.captureWarnings(capture=False)


def test_a_line_has_a_sentence_an_action_and_what_the_call_gives(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.configure("ingest")
    logging.getLogger("x").info(
        "Took %d.", 3, extra={"action": "took", "topic": "leads", "ratio": Decimal("0.1")}
    )
    line = json.loads(capsys.readouterr().err)
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "info",
        "service": "ingest",
        "message": "Took 3.",
        "logger": "x",
        "action": "took",
        "topic": "leads",
        "ratio": 0.1,
    }


def test_an_error_carries_its_trace_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("ingest")
    try:
        raise ValueError("two\nlines")  # noqa: TRY301, TRY003, EM101 - to be logged
    except ValueError:
        logging.getLogger("x").exception("It failed.")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "ValueError: two\nlines" in json.loads(lines[0])["error"]


def test_lines_are_counted_by_level(capsys: pytest.CaptureFixture[str]) -> None:
    registry = CollectorRegistry()
    logs.configure("ingest", counter=metrics.LOG_MESSAGES.counter(registry))
    logging.getLogger("x").warning("One.")
    logging.getLogger("x").debug("Not shown.")
    assert registry.get_sample_value("accord_log_messages_total", {"level": "warning"}) == 1
    assert registry.get_sample_value("accord_log_messages_total", {"level": "debug"}) == 0
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_what_the_client_of_kafka_says_again_and_again_is_written_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    registry = CollectorRegistry()
    logs.configure("ingest", counter=metrics.LOG_MESSAGES.counter(registry))
    client, own = logging.getLogger("aiokafka.client"), logging.getLogger("services.ingest")
    for second in range(25):
        now = float(second)
        client.error("Unable to connect to node %s", second)
        client.error("Unable to update metadata from %s", [second])
        own.warning("It is asked again.")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    said = [(line["message"], line.get("repeated")) for line in lines if "node" in line["message"]]
    assert said == [
        ("Unable to connect to node 0", None),
        ("Unable to connect to node 10", 9),
        ("Unable to connect to node 20", 9),
    ]
    assert len(lines) == 3 + 3 + 25
    assert registry.get_sample_value("accord_log_messages_total", {"level": "error"}) == 6
