"""The pages at `/problems/<name>`, where the `type` of every problem leads."""

import re
from html import escape
from typing import Final

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from services.api.web.problem_kinds import KINDS, PREFIX, Kind
from services.api.web.problems import Refusal, suggestion

router: Final = APIRouter(include_in_schema=False)
_HEADERS: Final = {"cache-control": "public, max-age=3600"}


@router.get("/problems")
async def list_problems() -> HTMLResponse:
    """All kinds of problems, each with a link to its page."""
    rows = "".join(
        f"<dt><a href='{kind.type}'>{kind.name}</a> ({kind.status.value})</dt>"
        f"<dd>{_prose(kind.when)}.</dd>"
        for kind in KINDS.values()
    )
    return _page("Problems", f"<dl>{rows}</dl>")


@router.get(f"{PREFIX}{{name}}")
async def get_problem(name: str) -> HTMLResponse:
    """What happened, and what to do."""
    kind = KINDS.get(name)
    if kind is None:
        raise Refusal(
            kind="unknown-problem", detail=f"{name!r} is no problem{suggestion(name, [*KINDS])}"
        )
    return _page(kind.title, _told(kind))


def _told(kind: Kind) -> str:
    when = kind.when[0].upper() + kind.when[1:]
    return (
        f"<p><code>{kind.type}</code>, status {kind.status.value} {kind.status.phrase}</p>"
        f"<h2>What happened</h2><p>{_prose(when)}.</p>"
        f"<h2>What to do</h2><p>{_prose(kind.remedy)}</p>"
        "<p><a href='/problems'>All problems</a>, <a href='/docs'>all operations</a></p>"
    )


def _prose(text: str) -> str:
    """The text with what stands between backticks as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))


def _page(title: str, content: str) -> HTMLResponse:
    body = (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<meta name='color-scheme' content='light dark'><title>{escape(title)}: Accord</title>"
        f"</head><body><main><h1>{escape(title)}</h1>{content}</main></body></html>"
    )
    return HTMLResponse(body, headers=_HEADERS)
