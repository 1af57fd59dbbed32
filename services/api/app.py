"""The HTTP app: routers, what stands around every request, and errors as problems."""

from time import perf_counter
from typing import Final

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from services.api import items, routes
from services.api.middleware import HeadAsGet, RequestFigures, RequestId
from services.api.objectives import Objectives
from services.api.problems import map_errors
from services.api.sources import Sources
from shared.domain.agreement import Catalogue
from shared.domain.plan import compile_plan
from shared.runtime.database import Pool
from shared.runtime.process import program_version
from shared.runtime.wall_clock import WallClock

_DESCRIPTION: Final = """
Which promise is kept, at risk or broken, by how much, since when, and why.

Every answer is one moment of the pipeline: `as_of` says which. Instants are RFC 3339 in UTC,
seconds JSON numbers, ratios and values exact decimals as text. Errors are RFC 9457 problems.
"""


def make_sources(*, pool: Pool, catalogue: Catalogue, clock: WallClock) -> Sources:
    """The sources of an app: a database, loaded documents, the wall clock."""
    return Sources(
        pool=pool, objectives=Objectives(catalogue), plan=compile_plan(catalogue), clock=clock
    )


def create_app(sources: Sources, registry: CollectorRegistry) -> FastAPI:
    """The app over its sources; its figures go into `registry`."""
    app = FastAPI(
        title="Accord",
        version=program_version(),
        description=_DESCRIPTION,
        redirect_slashes=False,
        # Both pages would load their scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
    )
    app.state.sources = sources
    app.include_router(routes.router)
    app.include_router(items.router)
    map_errors(app)
    # The last one added stands outermost.
    app.add_middleware(HeadAsGet)
    app.add_middleware(RequestFigures, registry=registry, elapsed=perf_counter)
    app.add_middleware(RequestId)
    return app
