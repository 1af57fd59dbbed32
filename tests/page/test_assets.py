"""The page and its files as they are sent: cached well, packed, and all from here."""

import gzip
import hashlib
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import httpx
import pytest
from prometheus_client import CollectorRegistry

from services.api.app import create_app, make_sources
from services.api.scorecard import load_scorecard
from shared.runtime.database import Pool
from tests.api.stored import NOW, a_catalogue

ROOT = Path(__file__).parents[2]
FILES = ROOT / "services" / "api" / "page"
OWN = sorted(path for path in FILES.rglob("*") if path.is_file() and "vendor" not in path.parts)
LONGEST = 400


@pytest.fixture
async def http(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    catalogue = a_catalogue(tmp_path)
    sources = make_sources(pool=cast("Pool", None), catalogue=catalogue, clock=lambda: NOW)
    transport = httpx.ASGITransport(create_app(sources, CollectorRegistry()))
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        yield client


async def test_the_page_is_asked_for_again_and_allows_nothing_inline(
    http: httpx.AsyncClient,
) -> None:
    answer = await http.get("/")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not re.search(r"<style|<script>|style=|onclick=", answer.text)
    again = await http.get("/", headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert (await http.head("/")).headers["etag"] == answer.headers["etag"]


async def test_files_are_kept_for_ever_under_the_digest_of_them_all(
    http: httpx.AsyncClient,
) -> None:
    page = (await http.get("/")).text
    named = re.findall(r'(?:src|href)="(assets/[^"]+)"', page)
    assert len(named) > 5
    for address in named:
        answer = await http.get(f"/{address}")
        assert answer.status_code == 200, address
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        kind = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
        assert answer.headers["content-type"].startswith(kind[address.rpartition(".")[2]])


async def test_files_are_packed_for_those_who_unpack(http: httpx.AsyncClient) -> None:
    address = f"/assets/{load_scorecard().digest}/script/main.js"
    plain = await http.get(address, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    async with http.stream("GET", address, headers={"accept-encoding": "gzip"}) as packed:
        raw = b"".join([part async for part in packed.aiter_raw()])
        assert packed.headers["vary"] == "Accept-Encoding"
    assert gzip.decompress(raw) == plain.content
    assert len(raw) < len(plain.content)


async def test_the_page_of_another_version_gets_all_its_files_of_this_one(
    http: httpx.AsyncClient,
) -> None:
    answer = await http.get("/assets/0123456789abcdef/script/main.js")
    assert answer.status_code == 307
    assert answer.headers["location"] == f"/assets/{load_scorecard().digest}/script/main.js"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("name", ["nothing.js", "../scorecard.py", "index.html", "script/"])
async def test_what_is_no_file_of_the_page_is_not_found(http: httpx.AsyncClient, name: str) -> None:
    answer = await http.get(f"/assets/{load_scorecard().digest}/{name}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_what_others_wrote_is_what_they_published() -> None:
    vendor = FILES / "vendor"
    said = json.loads((vendor / "VERSIONS.json").read_text(encoding="utf-8"))
    listed = {name: digest for own in said for name, digest in own["files"].items()}
    found = {
        str(path.relative_to(vendor)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in vendor.rglob("*")
        if path.is_file() and path.name != "VERSIONS.json"
    }
    assert found == listed
    for own in said:
        assert f"{own['name']}/LICENSE" in own["files"]


def test_our_own_files_are_short_and_write_no_markup_from_data() -> None:
    forbidden = re.compile(
        r"innerHTML|outerHTML|insertAdjacent|unsafeHTML|unsafeSVG|document\.write|\beval\(|"
        r"new Function|https?://(?!www\.w3\.org)|\bstyle="
    )
    for path in OWN:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert len(lines) <= LONGEST, path
        found = [line for line in lines if forbidden.search(line)]
        assert found == [], path


def test_the_wheel_has_every_file_of_the_page(tmp_path: Path) -> None:
    subprocess.run(  # noqa: S603 - our own arguments, no shell
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    files = [path for path in FILES.rglob("*") if path.is_file()]
    assert {str(path.relative_to(ROOT)) for path in files} <= packed
