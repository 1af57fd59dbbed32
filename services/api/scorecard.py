"""The scorecard, a page for both parties: `/` and the files that it loads, kept in memory.

Its files lie under `/assets/<digest of them all>/`, so that a browser may keep them for ever and
modules never mix with those of another version.
"""

import gzip
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse

from services.api.web.problems import Refusal

PATH: Final = "/"
ASSETS: Final = "/assets"
_PAGE: Final = "index.html"
_MARK: Final = b"{{assets}}"
_DIGEST_BYTES: Final = 8
_KEPT: Final = "public, max-age=31536000, immutable"
_ASKED_AGAIN: Final = "no-cache"
_TYPES: Final = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}

POLICY: Final = (
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    # What is drawn is text to the browser: only the renderer's own templates are markup.
    "object-src 'none'; require-trusted-types-for 'script'; trusted-types lit-html"
)
"""The Content-Security-Policy of the page: nothing inline, nothing from elsewhere."""

_HEADERS: Final = {
    "content-security-policy": POLICY,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent: plain, and packed by gzip."""

    media_type: str
    plain: bytes
    packed: bytes


@dataclass(frozen=True, slots=True)
class Scorecard:
    """The page and its files; `digest` is of all of them."""

    digest: str
    page: Asset
    assets: Mapping[str, Asset]


def load_scorecard() -> Scorecard:
    """Read the files of the package."""
    found = dict(sorted(_walk(files("services.api") / "page", "")))
    digest = blake2b(digest_size=_DIGEST_BYTES)
    for name, content in found.items():
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    version = digest.hexdigest()
    page = found.pop(_PAGE).replace(_MARK, f"{ASSETS}/{version}".lstrip("/").encode())
    assets = {name: _asset(name, content) for name, content in found.items()}
    return Scorecard(version, _asset(_PAGE, page), assets)


def _walk(folder: Traversable, under: str) -> list[tuple[str, bytes]]:
    found = []
    for entry in folder.iterdir():
        name = f"{under}{entry.name}"
        if entry.is_dir():
            found += _walk(entry, f"{name}/")
        else:
            found.append((name, entry.read_bytes()))
    return found


def _asset(name: str, content: bytes) -> Asset:
    suffix = name[name.rfind(".") :]
    media_type = _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "text/plain"
    return Asset(media_type, content, gzip.compress(content, mtime=0))


def add_scorecard(app: FastAPI) -> None:
    """Serve the page and its files; neither is part of the OpenAPI document."""
    card = load_scorecard()

    @app.get(PATH, include_in_schema=False)
    async def page(request: Request) -> Response:
        tag = f'W/"{card.digest}"'
        headers = {**_HEADERS, "cache-control": _ASKED_AGAIN, "etag": tag}
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return _sent(request, card.page, headers)

    @app.get(f"{ASSETS}/{{digest}}/{{name:path}}", include_in_schema=False)
    async def asset(request: Request, digest: str, name: str) -> Response:
        found = card.assets.get(name)
        if found is None:
            raise Refusal(kind="not-found", detail=f"nothing is at {request.url.path}")
        if digest != card.digest:
            # The page of another version, in the middle of an upgrade: all of these, or none.
            here = request.scope.get("root_path", "")
            address = f"{here}{ASSETS}/{card.digest}/{name}"
            return RedirectResponse(address, headers={"cache-control": "no-store"})
        headers = {"cache-control": _KEPT, "x-content-type-options": "nosniff"}
        return _sent(request, found, headers)


def _sent(request: Request, found: Asset, headers: Mapping[str, str]) -> Response:
    given = {**headers, "vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        packed = {**given, "content-encoding": "gzip"}
        return Response(found.packed, media_type=found.media_type, headers=packed)
    return Response(found.plain, media_type=found.media_type, headers=given)
