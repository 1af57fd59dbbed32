"""The page at `/docs`: Swagger UI from a package's files; nothing is loaded from elsewhere."""

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

    @app.get(PATH, include_in_schema=False)
    async def docs() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url=app.openapi_url or "/openapi.json",
            title=app.title,
            swagger_js_url=f"{_FILES}/swagger-ui-bundle.js",
            swagger_css_url=f"{_FILES}/swagger-ui.css",
            swagger_favicon_url=f"{_FILES}/favicon-32x32.png",
        )
