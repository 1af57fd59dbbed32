"""The trace of a request is an exemplar of its duration, in OpenMetrics only."""

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.types import Message, Receive, Scope, Send

from services.api.web.middleware import RequestFigures

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
OPEN = "application/openmetrics-text; version=1.0.0"


async def answering(scope: Scope, receive: Receive, send: Send) -> None:
    del scope, receive
    await send({"type": "http.response.start", "status": 200, "headers": []})


async def receive() -> Message:
    raise AssertionError


async def send(message: Message) -> None:
    del message


async def exposed(traceparent: str | None, accept: str) -> str:
    registry = CollectorRegistry()
    elapsed = iter((1.0, 1.02))
    app = RequestFigures(answering, registry, lambda: next(elapsed))
    headers = [] if traceparent is None else [(b"traceparent", traceparent.encode())]
    await app({"type": "http", "method": "GET", "headers": headers}, receive, send)
    encode, _ = choose_encoder(accept)
    return encode(registry).decode()


async def test_a_traced_request_can_be_found_from_its_duration() -> None:
    text = await exposed(f"00-{TRACE}-00f067aa0ba902b7-01", OPEN)
    [line] = [line for line in text.splitlines() if TRACE in line]
    assert line.startswith("accord_http_request_duration_seconds_bucket{")
    assert 'le="0.025"' in line
    assert f'# {{trace_id="{TRACE}"}} 0.02' in line


async def test_the_older_format_knows_no_exemplars() -> None:
    assert TRACE not in await exposed(f"00-{TRACE}-00f067aa0ba902b7-01", "text/plain")


@pytest.mark.parametrize(
    "traceparent",
    [
        None,
        "",
        TRACE,
        f"00-{TRACE}-00f067aa0ba902b7-00",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE}-00f067aa0ba902b7-01-more",
        f"00-{TRACE.upper()}-00f067aa0ba902b7-01",
    ],
)
async def test_what_is_no_sampled_trace_leaves_nothing(traceparent: str | None) -> None:
    assert " # {" not in await exposed(traceparent, OPEN)
