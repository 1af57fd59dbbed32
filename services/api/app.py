"""The HTTP app: its operations, what stands around every request, and errors as problems."""

from time import perf_counter

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from services.api.access.gate import Gate
from services.api.access.guard import Guard, SecurityHeaders
from services.api.access.scopes import check_scopes
from services.api.access.settings import OPEN
from services.api.board.board import Board
from services.api.board.from_memory import FromMemory
from services.api.board.sources import Sources
from services.api.docs_page import add_docs_page
from services.api.openapi import new_app
from services.api.reading.documents import Documents, InUse
from services.api.reading.objectives import Objectives
from services.api.reports.routes import add_report_style
from services.api.scorecard import add_scorecard
from services.api.stream.change_feed import ChangeFeed
from services.api.stream.event_stream import StreamFigures
from services.api.web.limits import Limits
from services.api.web.middleware import HeadAsGet, RequestFigures, RequestId
from services.api.web.problems import map_errors
from services.api.webhooks.addresses import Addresses
from shared.domain.agreement import Catalogue
from shared.domain.plan import compile_plan
from shared.runtime.database import Pool
from shared.runtime.version import program_version
from shared.runtime.wall_clock import WallClock


def make_sources(*, pool: Pool, catalogue: Catalogue, clock: WallClock) -> Sources:
    """The sources of an app: a database, the wall clock, and documents until some are in use."""
    documents = Documents(Objectives(catalogue), compile_plan(catalogue))
    in_use = InUse(documents)
    board = Board(pool, in_use)
    return Sources(pool=pool, in_use=in_use, board=board, clock=clock, documents=documents)


def create_app(
    sources: Sources,
    registry: CollectorRegistry,
    gate: Gate | None = None,
    *,
    addresses: Addresses | None = None,
) -> FastAPI:
    """The app over its sources; its figures go into `registry`, webhooks to `addresses`.

    Without a gate it is open to all. UndeclaredScopeError where an operation does not say what it
    asks of its caller.
    """
    gate = gate or Gate(OPEN, sources.pool, clock=sources.clock, elapsed=perf_counter)
    app = new_app(program_version(), docs=gate.settings.docs)
    app.state.sources = sources
    app.state.feed = ChangeFeed(sources.pool)
    app.state.addresses = addresses or Addresses()
    app.state.stream_figures = StreamFigures(registry)
    map_errors(app)
    if gate.settings.docs:
        add_docs_page(app)
    # Below `/assets`, which the page's own files take as a whole.
    add_report_style(app)
    add_scorecard(app)
    check_scopes(app)
    # The last one added stands outermost.
    app.add_middleware(HeadAsGet)
    app.add_middleware(Limits)
    app.add_middleware(FromMemory, sources=sources)
    app.add_middleware(Guard, gate=gate)
    app.add_middleware(SecurityHeaders, hosts=gate.settings.hosts)
    app.add_middleware(RequestFigures, registry=registry, elapsed=perf_counter)
    app.add_middleware(RequestId)
    return app
