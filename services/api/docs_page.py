"""The page at `/docs`: Swagger UI from a package's files; nothing is loaded from elsewhere."""

import re
from base64 import b64encode
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

PATH: Final = "/docs"
_FILES: Final = f"{PATH}/files"


def add_docs_page(app: FastAPI) -> None:
    """Serve the page and its files; neither is part of the OpenAPI document."""
    resources = Path(str(files("fastapi_swagger"))) / "resources"
    app.mount(_FILES, StaticFiles(directory=resources))

    page = get_swagger_ui_html(
        openapi_url=app.openapi_url or "/openapi.json",
        title=app.title,
        swagger_js_url=f"{_FILES}/swagger-ui-bundle.js",
        swagger_css_url=f"{_FILES}/swagger-ui.css",
        swagger_favicon_url=f"{_FILES}/favicon-32x32.png",
    )
    page.headers["content-security-policy"] = _policy(bytes(page.body).decode())

    @app.get(PATH, include_in_schema=False)
    async def docs() -> HTMLResponse:
        return page


def _policy(html: str) -> str:
    """What the page may do: run the one script that stands in it, and draw as Swagger UI does."""
    scripts = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    digests = [b64encode(sha256(own.encode()).digest()).decode() for own in scripts]
    allowed = " ".join(["'self'", *(f"'sha256-{own}'" for own in digests)])
    return (
        f"default-src 'self'; script-src {allowed}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
    )
