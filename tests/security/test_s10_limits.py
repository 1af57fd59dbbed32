"""S09 and S10, API4: how much one caller may ask, and who counts as one."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

import pytest
from fastapi import Body
from starlette.requests import Request
from starlette.responses import Response

from services.api.access import limits
from services.api.access.gate import REFUSED_COST
from services.api.access.limits import AtOnce, Rates
from services.api.access.peers import peer_of
from services.api.access.scopes import asks
from services.api.access.settings import AccessSettings, Mode, read_access
from services.api.web.limits import BODY_BYTES_MAX
from tests.security.guarded import Guarded, Hands, bearer, guarded

ASKED = "/v1/agreements/x"
FEW = AccessSettings(mode=Mode.KEYS, rate_per_minute=3, at_once=2)
PROXIES = read_access({"ACCORD_TRUSTED_PROXIES": "10.0.0.0/8, fd00::/8"}, "127.0.0.1").proxies


@pytest.fixture
def api(tmp_path: Path) -> Guarded:
    return guarded(tmp_path, FEW)


async def test_s10_one_request_too_many_is_told_when_to_ask_again(api: Guarded) -> None:
    async with api.client(**bearer(api.key("read"))) as http:
        for left in (2, 1, 0):
            answer = await http.get(ASKED)
            assert answer.status_code == 404
            assert answer.headers["ratelimit-policy"] == '"default";q=3;w=60'
            assert answer.headers["ratelimit"].startswith(f'"default";r={left};t=')
        answer = await http.get(ASKED)
        assert answer.status_code == 429
        assert answer.json()["type"] == "/problems/rate-limited"
        assert answer.headers["retry-after"] == "20"
        assert answer.headers["ratelimit"] == '"default";r=0;t=60'
        api.hands.pass_s(20)
        assert (await http.get(ASKED)).status_code == 404


async def test_s10_each_credential_has_its_own_quota_wherever_it_asks_from(api: Guarded) -> None:
    one, other = api.key("read"), api.key("read")
    for peer in ("192.0.2.1", "192.0.2.2", "192.0.2.3"):
        async with api.client(peer=peer, **bearer(one)) as http:
            assert (await http.get(ASKED)).status_code == 404
    async with api.client(peer="192.0.2.4", **bearer(one)) as http:
        assert (await http.get(ASKED)).status_code == 429
        assert (await http.get(ASKED, headers=bearer(other))).status_code == 404


async def test_s10_a_forwarded_address_that_nobody_trusted_said_changes_nothing(
    api: Guarded,
) -> None:
    async with api.client() as http:
        statuses = [
            (
                await http.get("/problems", headers={"x-forwarded-for": f"203.0.113.{own}"})
            ).status_code
            for own in range(5)
        ]
    assert statuses == [200, 200, 200, 429, 429]


async def test_s10_guessing_keys_is_slow_and_does_not_lock_others_out(tmp_path: Path) -> None:
    settings = AccessSettings(mode=Mode.KEYS, rate_per_minute=4 * REFUSED_COST)
    api = guarded(tmp_path, settings)
    guess = bearer("accord_" + "a" * 16 + "_" + "b" * 52)
    async with api.client() as http:
        statuses = [(await http.get(ASKED, headers=guess)).status_code for _ in range(6)]
        assert statuses == [401, 401, 401, 401, 429, 429]
        assert (await http.get(ASKED, headers=bearer(api.key("read")))).status_code == 404
    async with api.client(peer="192.0.2.99") as http:
        assert (await http.get(ASKED, headers=guess)).status_code == 401


async def test_s09_one_caller_has_so_many_requests_under_way_and_no_more(api: Guarded) -> None:
    going, go_on = asyncio.Semaphore(0), asyncio.Event()

    async def slow(_request: Request) -> Response:
        going.release()
        await go_on.wait()
        return Response()

    api.app.add_route("/slow", slow)
    api.gate.rates = Rates(0, api.hands.elapsed)
    text, other = api.key("read"), api.key("read")
    async with api.client() as http:
        under_way = [asyncio.create_task(http.get("/slow", headers=bearer(text))) for _ in range(2)]
        for _ in under_way:
            await going.acquire()
        answer = await http.get(ASKED, headers=bearer(text))
        assert answer.status_code == 429
        assert answer.json()["type"] == "/problems/too-many-at-once"
        assert answer.headers["retry-after"] == "1"
        assert (await http.get(ASKED, headers=bearer(other))).status_code == 404
        go_on.set()
        assert [own.status_code for own in await asyncio.gather(*under_way)] == [200, 200]
        assert (await http.get(ASKED, headers=bearer(text))).status_code == 404


async def test_s09_a_body_that_is_too_large_is_not_read(api: Guarded) -> None:
    taken: list[int] = []

    async def keep(said: Annotated[dict[str, object], Body()]) -> None:
        taken.append(len(said))

    async def in_parts(size: int) -> AsyncIterator[bytes]:
        yield b"{"
        for _ in range(size // 1000 + 1):
            yield b" " * 1000
        yield b"}"

    api.app.add_api_route("/v1/keep", keep, methods=["POST"], openapi_extra=asks("write"))
    api.gate.rates = Rates(0, api.hands.elapsed)
    shown = bearer(api.key("write"))
    async with api.client(content_type="application/json", **shown) as http:
        for size, status in ((1000, 200), (BODY_BYTES_MAX - 2000, 200), (BODY_BYTES_MAX + 1, 413)):
            whole = b"{" + b" " * (size - 2) + b"}"
            for content in (whole, in_parts(size)):
                answer = await http.post("/v1/keep", content=content)
                assert answer.status_code == status, size
                if status == 413:
                    assert answer.json()["type"] == "/problems/body-too-large"
        for said in ("x", "-1", "9" * 5000):
            headers = {"content-length": said}
            answer = await http.post("/v1/keep", content=in_parts(10), headers=headers)
            assert answer.status_code == 413
    assert len(taken) == 4


def test_s09_what_is_remembered_of_callers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CALLERS_MAX", 10)
    rates = Rates(5, Hands().elapsed)
    for number in range(1000):
        rates.take(f"peer:{number}")
    assert len(rates._buckets) == 10  # noqa: SLF001 - its size is what is asked
    at_once = AtOnce(1)
    for number in range(1000):
        at_once.begin(f"peer:{number}")
        at_once.end(f"peer:{number}")
    assert not at_once._under_way  # noqa: SLF001 - as above


@pytest.mark.parametrize(
    ("here", "said", "peer"),
    [
        ("192.0.2.1", None, "192.0.2.1"),
        ("192.0.2.1", "203.0.113.9", "192.0.2.1"),
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1, 203.0.113.9, 10.9.9.9", "203.0.113.9"),
        ("10.0.0.1", "10.1.1.1, 10.2.2.2", "10.1.1.1"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, nonsense", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.9:5000", "10.0.0.1"),
        ("::ffff:10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("fd00::1", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8::1", None, "2001:db8::/64"),
        ("::1", None, "::1"),
    ],
)
def test_s10_who_asks_is_read_from_the_right_past_trusted_proxies(
    here: str, said: str | None, peer: str
) -> None:
    headers = [] if said is None else [(b"x-forwarded-for", said.encode())]
    assert peer_of({"client": (here, 1), "headers": headers}, PROXIES) == peer


def test_s10_a_header_that_is_sent_several_times_is_one_list() -> None:
    headers = [(b"x-forwarded-for", b"198.51.100.1"), (b"x-forwarded-for", b"203.0.113.9")]
    assert peer_of({"client": ("10.0.0.1", 1), "headers": headers}, PROXIES) == "203.0.113.9"
    assert peer_of({"client": None, "headers": []}, PROXIES) == "unknown"
