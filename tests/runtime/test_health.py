"""The health endpoint, over a real socket."""

import asyncio
import gzip
import time
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from prometheus_client import Counter

from shared.runtime.health import HealthServer
from shared.runtime.pulse import Pulse
from shared.runtime.registry import Registry

CHECKS: dict[str, str | None] = {}


@pytest.fixture
async def port() -> AsyncIterator[int]:
    registry = Registry()
    Counter("leads", "Leads", registry=registry).inc(3)
    Counter("tickets", "Tickets", registry=registry).inc(4)
    CHECKS.clear()

    def readiness() -> Mapping[str, str | None]:
        return CHECKS

    async with HealthServer("127.0.0.1", 0, registry, readiness) as server:
        yield server.port


async def get(port: int, path: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.get(f"http://127.0.0.1:{port}{path}", headers=headers)


async def test_a_process_lives_whatever_its_checks_say(port: int) -> None:
    CHECKS["database"] = "no connection"
    assert (await get(port, "/livez")).status_code == 200


async def test_it_is_ready_when_every_check_is_good(port: int) -> None:
    CHECKS["database"] = None
    answer = await get(port, "/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"ready": True, "checks": {"database": "ok"}}


async def test_it_is_not_ready_while_a_check_fails_and_says_why(port: int) -> None:
    CHECKS.update({"database": None, "kafka": "no partitions yet"})
    answer = await get(port, "/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"] == {"database": "ok", "kafka": "no partitions yet"}


async def test_a_check_can_be_left_out(port: int) -> None:
    CHECKS.update({"database": None, "kafka": "no partitions yet"})
    assert (await get(port, "/readyz?exclude=kafka")).status_code == 200


async def test_the_old_name_of_liveness_is_answered_too(port: int) -> None:
    assert (await get(port, "/healthz")).text == "ok\n"


@pytest.mark.parametrize("query", ["verbose", "verbose=true"])
async def test_what_is_looked_at_is_said_to_who_wants_to_know(port: int, query: str) -> None:
    CHECKS["database"] = None
    alive = await get(port, f"/livez?{query}")
    assert alive.json() == {"alive": True, "checks": {"loop": "ok"}}
    ready = await get(port, f"/readyz?{query}")
    assert ready.json() == {"ready": True, "checks": {"database": "ok"}}


async def test_a_process_whose_loop_is_stuck_neither_lives_nor_is_ready(
    caplog: pytest.LogCaptureFixture,
) -> None:
    asked = ("/livez", "/readyz", "/livez?verbose")
    pulse = Pulse(stuck_s=0.8)
    async with HealthServer("127.0.0.1", 0, Registry(), dict, pulse=pulse) as server:
        with ThreadPoolExecutor(1) as threads:
            found = threads.submit(answers_after, 1.0, server.port, asked)
            time.sleep(1.5)  # noqa: ASYNC251 - this is what sticks
            answers = found.result()
        assert [answer.status_code for answer in answers] == [503, 503, 503]
        assert "it has not turned for" in answers[0].json()["checks"]["loop"]
        assert "it has not turned for" in answers[1].json()["checks"]["loop"]
        await asyncio.sleep(0.6)
        assert (await get(server.port, "/livez")).status_code == 200
        assert (await get(server.port, "/readyz")).status_code == 200
    [told] = [own for own in caplog.records if own.name == "shared.runtime.pulse"]
    assert "time.sleep(1.5)" in told.getMessage()


async def test_readiness_does_not_wait_for_a_loop_that_is_busy_for_long() -> None:
    async with HealthServer("127.0.0.1", 0, Registry(), dict) as server:
        with ThreadPoolExecutor(1) as threads:
            found = threads.submit(answers_after, 0.1, server.port, ("/livez", "/readyz"))
            time.sleep(2.6)  # noqa: ASYNC251 - this is what is busy
            alive, ready = found.result()
    assert (alive.status_code, ready.status_code) == (200, 503)


def answers_after(pause_s: float, port: int, paths: tuple[str, ...]) -> list[httpx.Response]:
    time.sleep(pause_s)
    return [httpx.get(f"http://127.0.0.1:{port}{path}", timeout=10) for path in paths]


async def test_a_port_that_is_taken_is_refused_at_once(port: int) -> None:
    with pytest.raises(OSError, match="in use"):
        await HealthServer("127.0.0.1", port, Registry(), dict).__aenter__()


async def test_metrics_are_served_in_the_format_that_is_asked_for(port: int) -> None:
    plain = await get(port, "/metrics")
    assert "leads_total 3.0" in plain.text
    open_metrics = await get(port, "/metrics", accept="application/openmetrics-text; version=1.0.0")
    assert open_metrics.headers["content-type"].startswith("application/openmetrics-text")
    assert open_metrics.text.endswith("# EOF\n")


async def test_metrics_can_be_asked_for_by_name(port: int) -> None:
    answer = await get(port, "/metrics?name[]=tickets_total")
    assert "tickets_total 4.0" in answer.text
    assert "leads_total" not in answer.text


async def test_an_unknown_path_is_not_found_and_a_post_is_not_allowed(port: int) -> None:
    assert (await get(port, "/")).status_code == 404
    async with httpx.AsyncClient() as client:
        assert (await client.post(f"http://127.0.0.1:{port}/livez")).status_code == 405


async def test_head_has_no_body(port: int) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.head(f"http://127.0.0.1:{port}/livez")
    assert (answer.status_code, answer.content) == (200, b"")


async def test_a_long_answer_is_compressed_for_who_can_read_it() -> None:
    registry = Registry()
    counter = Counter("x", "X" * 30_000, registry=registry)
    counter.inc()
    async with HealthServer("127.0.0.1", 0, registry, dict) as server:
        head, body = await raw(
            server.port, b"GET /metrics HTTP/1.1\r\nAccept-Encoding: gzip\r\n\r\n"
        )
    assert b"Content-Encoding: gzip" in head
    assert b"x_total 1.0" in gzip.decompress(body)


async def test_a_request_that_is_none_only_closes_its_connection(port: int) -> None:
    assert await raw(port, b"x" * 100_000) == (b"", b"")
    assert (await get(port, "/livez")).status_code == 200


async def raw(port: int, request: bytes) -> tuple[bytes, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        writer.write_eof()
        answer = await reader.read()
    except ConnectionError:
        answer = b""
    finally:
        writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    return head, body
