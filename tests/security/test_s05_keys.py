"""S05, API2: keys of the api are unguessable, kept as digests, ended at once, never in a URL."""

from base64 import b64encode
from pathlib import Path

import pytest

from services.api.access import keys
from services.api.access.ring import BELIEVED
from shared.domain.instant import SECOND
from tests.security.guarded import Guarded, bearer, guarded

ASKED = "/v1/agreements/x"
PASSED = 404
"""What an answer is once the gate and the scope are passed: it needs no database."""


@pytest.fixture
def api(tmp_path: Path) -> Guarded:
    return guarded(tmp_path)


def test_s05_a_key_has_256_random_bits_and_an_id_that_is_no_part_of_them() -> None:
    made = [keys.new_key() for _ in range(100)]
    assert len({text for _, text in made}) == 100
    for key_id, text in made:
        match = keys.KEY.fullmatch(text)
        assert match is not None
        assert match[1] == key_id
        assert len(match[2]) * 5 >= 256


def test_s05_what_is_kept_neither_is_the_key_nor_shows_in_text() -> None:
    key_id, text = keys.new_key()
    digest = keys.digest_of(text)
    stored = keys.StoredKey(key_id, digest, "x", frozenset(), None, None, None)
    assert keys.proves(stored, text)
    assert not keys.proves(stored, digest.hex())
    assert text.encode() not in digest
    assert repr(digest) not in repr(stored)


async def test_s05_without_a_key_nothing_is_answered_but_what_is_about_nobody(api: Guarded) -> None:
    async with api.client() as http:
        for path in (ASKED, "/v1/states", "/v1/nothing", "/v1/reports", "/v1"):
            answer = await http.get(path)
            assert answer.status_code == 401, path
            assert answer.headers["www-authenticate"].startswith("Bearer realm=")
            assert answer.json()["type"] == "/problems/unauthenticated"
        for path in ("/openapi.json", "/problems", "/problems/not-found", "/docs", "/"):
            assert (await http.get(path)).status_code == 200, path


async def test_s05_a_key_is_taken_as_bearer_or_as_a_password(api: Guarded) -> None:
    text = api.key("read")
    basic = b64encode(f"anybody:{text}".encode()).decode()
    async with api.client() as http:
        for shown in (f"Bearer {text}", f"bearer  {text}", f"Basic {basic}"):
            assert (await http.get(ASKED, headers={"authorization": shown})).status_code == PASSED


@pytest.mark.parametrize(
    "shown",
    [
        "Bearer",
        "Bearer ",
        "Bearer accord_",
        "Bearer accord_aaaaaaaaaaaaaaaa_" + "a" * 52,
        "Bearer {text}x",
        "Bearer {text} {text}",
        "Bearer {upper}",
        "Digest {text}",
        "{text}",
        "Basic {text}",
        "Basic =",
    ],
)
async def test_s05_what_is_not_the_key_is_refused(api: Guarded, shown: str) -> None:
    text = api.key("read")
    said = shown.format(text=text, upper=text.upper())
    async with api.client(authorization=said) as http:
        answer = await http.get(ASKED)
    assert answer.status_code == 401
    assert text not in answer.text


async def test_s05_another_secret_under_a_known_id_is_refused(api: Guarded) -> None:
    one, other = api.key("read"), api.key("read")
    mixed = "_".join([*one.split("_")[:2], other.split("_")[2]])
    async with api.client(**bearer(mixed)) as http:
        assert (await http.get(ASKED)).status_code == 401


async def test_s05_two_authorization_headers_are_refused(api: Guarded) -> None:
    shown = ("authorization", f"Bearer {api.key('read')}")
    async with api.client() as http:
        assert (await http.get(ASKED, headers=[shown, shown])).status_code == 401


async def test_s05_a_key_ends_when_it_expires_and_when_it_is_revoked(api: Guarded) -> None:
    ending = api.key("read", expires_at=api.hands.now + 10 * SECOND)
    revoked = api.key("read")
    async with api.client() as http:
        for text in (ending, revoked):
            assert (await http.get(ASKED, headers=bearer(text))).status_code == PASSED
        api.hands.pass_s(10)
        api.revoke(revoked)
        for text, why in ((ending, "the key has expired"), (revoked, "the key is revoked")):
            answer = await http.get(ASKED, headers=bearer(text))
            assert answer.status_code == 401
            assert answer.json()["detail"] == why


async def test_s05_keys_that_cannot_be_checked_for_long_are_not_taken(api: Guarded) -> None:
    text = api.key("read")
    async with api.client(**bearer(text)) as http:
        api.hands.now += BELIEVED
        assert (await http.get(ASKED)).status_code == PASSED
        api.hands.now += SECOND
        answer = await http.get(ASKED)
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"


@pytest.mark.parametrize("name", ["key", "access_token", "sla_id", "cursor"])
async def test_s05_a_key_in_the_address_is_refused_whatever_it_is_called(
    api: Guarded, name: str
) -> None:
    text = api.key("read")
    async with api.client(**bearer(text)) as http:
        answer = await http.get("/v1/states", params={name: text})
        assert answer.status_code == 400
        assert answer.json()["type"] == "/problems/credential-in-url"
        assert text not in answer.text
        assert text not in str(answer.headers)
