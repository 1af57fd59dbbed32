"""S14, API8: closed unless somebody opens it; what browsers are told; no page from elsewhere."""

from pathlib import Path

import httpx
import pytest

from services.api import __main__ as program
from services.api.access.settings import AccessSettings, Mode, read_access
from shared.runtime.config import InvalidSettings
from tests.security.guarded import Guarded, bearer, guarded

OIDC = {"ACCORD_ACCESS": "keys", "ACCORD_OIDC_ISSUER": "https://login.example"}


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_s14_on_this_machine_alone_it_is_open(host: str) -> None:
    assert read_access({}, host).mode is Mode.OPEN
    assert read_access({"ACCORD_ACCESS": "keys"}, host).mode is Mode.KEYS


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "api", "127.0.0.1.example"])  # noqa: S104 - refused
def test_s14_listening_for_others_is_refused_until_somebody_says_how(host: str) -> None:
    with pytest.raises(InvalidSettings, match=r"Set ACCORD_ACCESS=keys: .*accord keys create"):
        read_access({}, host)
    assert read_access({"ACCORD_ACCESS": "open"}, host).mode is Mode.OPEN
    assert read_access({"ACCORD_ACCESS": "keys"}, host).mode is Mode.KEYS


def test_s14_the_program_ends_with_a_sentence_when_access_is_not_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ACCORD_HOST", "0.0.0.0")  # noqa: S104 - refused
    monkeypatch.setenv("ACCORD_DATABASE_URL", "postgresql://nowhere")
    monkeypatch.setenv("ACCORD_KAFKA_BOOTSTRAP_SERVERS", "nowhere:1")
    monkeypatch.delenv("ACCORD_ACCESS", raising=False)
    assert program.main() == program.NOT_LOADED
    assert "accord api: ACCORD_HOST is 0.0.0.0, which others may reach" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"ACCORD_ACCESS": "yes"}, "it is `keys` or `open`"),
        (OIDC, "ACCORD_OIDC_AUDIENCE is not set"),
        (
            {**OIDC, "ACCORD_OIDC_AUDIENCE": "a", "ACCORD_OIDC_ISSUER": "http://login.example"},
            "is to be https",
        ),
        ({**OIDC, "ACCORD_OIDC_AUDIENCE": "a", "ACCORD_OIDC_JWKS_URL": "file:///k"}, "https"),
        ({**OIDC, "ACCORD_OIDC_AUDIENCE": "a", "ACCORD_OIDC_ALGORITHMS": "none"}, "has 'none'"),
        ({**OIDC, "ACCORD_OIDC_AUDIENCE": "a", "ACCORD_OIDC_ALGORITHMS": "HS256"}, "'HS256'"),
        ({"ACCORD_TRUSTED_PROXIES": "10.0.0.1/8"}, "ACCORD_TRUSTED_PROXIES: 10.0.0.1/8"),
        ({"ACCORD_RATE_LIMIT": "-1"}, "ACCORD_RATE_LIMIT is '-1'"),
        ({"ACCORD_CONCURRENCY": "many"}, "ACCORD_CONCURRENCY is 'many'"),
        ({"ACCORD_DOCS": "yes"}, "it is `on` or `off`"),
    ],
)
def test_s14_a_setting_that_cannot_be_is_refused_in_words(given: dict[str, str], says: str) -> None:
    with pytest.raises(InvalidSettings, match=says):
        read_access(given, "127.0.0.1")


def test_s14_open_access_has_no_limits_and_keys_have_generous_ones() -> None:
    opened, keys = read_access({}, "::1"), read_access({"ACCORD_ACCESS": "keys"}, "::1")
    assert (opened.rate_per_minute, opened.at_once) == (0, 0)
    assert keys.rate_per_minute >= 6_000
    assert keys.at_once >= 100


@pytest.fixture
def api(tmp_path: Path) -> Guarded:
    return guarded(tmp_path)


def _is_told(answer: httpx.Response) -> None:
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "object-src 'none'" in policy
    assert "http" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "server" not in answer.headers
    assert "access-control-allow-origin" not in answer.headers


async def test_s14_every_answer_tells_browsers_what_they_may_do(api: Guarded) -> None:
    async with api.client(origin="https://elsewhere.example") as http:
        for path in ("/openapi.json", "/docs", "/problems", "/v1/states", "/nothing"):
            _is_told(await http.get(path))
        shown = bearer(api.key("read"))
        _is_told(await http.get("/v1/states", headers=shown))
        _is_told(await http.get("/v1/nothing", headers=shown))


async def test_s14_a_fault_shows_nothing_of_what_is_inside(api: Guarded) -> None:
    api.app.state.sources = "the inside"
    async with api.client(**bearer(api.key("read"))) as http:
        answer = await http.get("/v1/states")
    assert answer.status_code == 500
    assert "the inside" not in answer.text
    assert "Traceback" not in answer.text
    _is_told(answer)


async def test_s14_scripts_in_a_page_run_only_where_their_digest_is_named(api: Guarded) -> None:
    async with api.client() as http:
        policy = (await http.get("/docs")).headers["content-security-policy"]
    script = next(own for own in policy.split("; ") if own.startswith("script-src"))
    assert "unsafe" not in script
    assert "'sha256-" in script


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("accord.example", 404),
        ("ACCORD.example:8000", 404),
        ("evil.example", 421),
        ("accord.example.evil.example", 421),
        ("a/../b?x@y", 421),
        ("", 421),
    ],
)
async def test_s14_hosts_that_are_not_named_are_not_served(
    tmp_path: Path, host: str, status: int
) -> None:
    settings = AccessSettings(mode=Mode.KEYS, hosts=("accord.example",))
    api = guarded(tmp_path, settings)
    async with api.client(host=host, **bearer(api.key("read"))) as http:
        answer = await http.get("/v1/agreements/x")
    assert answer.status_code == status
    _is_told(answer)


async def test_s14_the_document_and_its_page_can_be_switched_off(tmp_path: Path) -> None:
    api = guarded(tmp_path, AccessSettings(mode=Mode.KEYS, docs=False))
    async with api.client() as http:
        for path in ("/docs", "/docs/files/swagger-ui.css", "/openapi.json"):
            assert (await http.get(path)).status_code == 404


async def test_s14_a_browser_is_asked_for_the_key_and_a_program_is_not(api: Guarded) -> None:
    async with api.client() as http:
        own = "/v1/reports/acme-support?format=html"
        page = await http.get(own, headers={"accept": "text/html,application/xhtml+xml"})
        assert page.headers["www-authenticate"].startswith('Basic realm="Accord')
        assert (await http.get(own)).headers["www-authenticate"] == 'Bearer realm="accord"'


async def test_s14_what_others_may_reach_has_no_way_to_health_or_metrics(api: Guarded) -> None:
    async with api.client(**bearer(api.key("admin"))) as http:
        for path in ("/metrics", "/livez", "/readyz", "/healthz"):
            assert (await http.get(path)).status_code == 404
