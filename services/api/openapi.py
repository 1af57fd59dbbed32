"""The OpenAPI document as published: `python -m services.api.openapi > docs/openapi.json`."""

import json
import sys
from typing import Any, Final

from fastapi import Depends, FastAPI

from services.api.access import routes as access_routes
from services.api.access.described import add_access
from services.api.access.scopes import authorised
from services.api.answering.described import add_limits
from services.api.answering.schemas import Problem
from services.api.operations import (
    acknowledgements,
    comparisons,
    items,
    reviews,
    routes,
    state_batch,
    states,
)
from services.api.reports import routes as reports
from services.api.stream import stream
from services.api.web import problem_pages
from services.api.webhooks import routes as webhook_routes

TITLE: Final = "Accord"
DESCRIPTION: Final = """
Which promise is kept, at risk or broken, by how much, since when, and why.

Every answer is one moment of the pipeline: `as_of` says which. Instants are RFC 3339 in UTC,
seconds JSON numbers, ratios and values exact decimals as text. Errors are RFC 9457 problems.
"""


class _App(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """The document, with the shape of problems that the operations refer to."""
        document = super().openapi()
        document["components"]["schemas"].setdefault("Problem", Problem.model_json_schema())
        add_access(document)
        add_limits(document)
        return document


def new_app(version: str, *, docs: bool = True) -> FastAPI:
    """An app with every operation, and nothing to read from yet; `docs`: the document is served."""
    app = _App(
        title=TITLE,
        version=version,
        description=DESCRIPTION,
        redirect_slashes=False,
        # These would load their scripts from elsewhere; `docs_page` does not.
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json" if docs else None,
        dependencies=[Depends(authorised)],
    )
    app.include_router(states.router)
    app.include_router(state_batch.router)
    app.include_router(routes.router)
    app.include_router(items.router)
    app.include_router(comparisons.router)
    app.include_router(reports.router)
    app.include_router(stream.router)
    app.include_router(acknowledgements.router)
    app.include_router(reviews.router)
    app.include_router(webhook_routes.router)
    app.include_router(problem_pages.router)
    app.include_router(access_routes.router)
    return app


def published() -> dict[str, Any]:
    """The document; `v1` is its version, since the path's is what callers rely on."""
    return new_app("v1").openapi()


def text() -> str:
    """The document as it is written to `docs/openapi.json`."""
    return json.dumps(published(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
