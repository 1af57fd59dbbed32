"""`python -m services.api`: wiring only."""

import asyncio
import sys
import time
from typing import Final

from services.api.access.gate import Gate
from services.api.access.settings import AccessSettings, read_access
from services.api.app import create_app, make_sources
from services.api.figures.exporter import Exporter
from services.api.web.serving import serve_http
from services.api.webhooks.addresses import Addresses
from services.api.webhooks.delivering import Deliverer
from shared.documents import load
from shared.domain.agreement import Catalogue
from shared.runtime.config import InvalidSettings, Settings, process_environment, read_settings
from shared.runtime.database import create_pool
from shared.runtime.pool_figures import PoolFigures
from shared.runtime.process import DRAIN_S, new_registry, run
from shared.runtime.registry import Registry
from shared.runtime.topics import Topics
from shared.runtime.wall_clock import system_clock, wall_clock

SERVICE: Final = "api"
NOT_LOADED: Final = 2
_STATEMENT_S: Final = 15.0


class _Api:
    """The service while it runs; the exporter exists once the database is connected."""

    def __init__(
        self,
        settings: Settings,
        access: AccessSettings,
        catalogue: Catalogue,
        registry: Registry,
    ) -> None:
        self._settings = settings
        self._access = access
        self._catalogue = catalogue
        self._registry = registry
        self._exporter: Exporter | None = None
        self._gate: Gate | None = None

    def readiness(self) -> dict[str, str | None]:
        if self._exporter is None:
            return {"database": "not connected yet"}
        gate = {} if self._gate is None else self._gate.readiness()
        return {**self._exporter.readiness(), **gate}

    async def serve(self, stopping: asyncio.Event) -> None:
        settings = self._settings
        clock = wall_clock(settings.clock)
        # Nothing is connected before it is needed: a database that comes later is no reason to end.
        async with await create_pool(
            settings.database_url,
            service=SERVICE,
            size_min=0,
            statement_s=_STATEMENT_S,
        ) as pool:
            PoolFigures(self._registry).show(pool)
            sources = make_sources(pool=pool, catalogue=self._catalogue, clock=clock)
            events = Topics(settings.topic_prefix).events
            self._exporter = Exporter(sources, events, self._registry, limit=settings.series_limit)
            addresses = Addresses(settings.webhook_networks)
            deliverer = Deliverer(pool, addresses, self._registry)
            gate = self._gate = Gate(
                self._access, pool, clock=system_clock, elapsed=time.perf_counter
            )
            app = create_app(sources, self._registry, gate, addresses=addresses)
            ended, leaving = asyncio.Event(), asyncio.Event()
            async with asyncio.TaskGroup() as group:
                # As long as requests are answered: told to stop is not the end of them.
                group.create_task(self._exporter.refresh_until(ended))
                group.create_task(gate.keep_until(ended))
                group.create_task(app.state.feed.follow(leaving))
                group.create_task(deliverer.run(stopping))
                group.create_task(_leave(stopping, settings.drain_delay, leaving))
                group.create_task(sources.board.renew_until(ended))
                try:
                    await serve_http(app, settings, stopping)
                finally:
                    ended.set()


async def _leave(stopping: asyncio.Event, delay_s: float, leaving: asyncio.Event) -> None:
    """Let streams end when no new connection is taken any more: they would keep the process."""
    await stopping.wait()
    await asyncio.sleep(delay_s)
    leaving.set()


def main() -> int:
    """Run the api; 2 when its settings or documents cannot be read."""
    try:
        settings = read_settings(SERVICE)
        access = read_access(process_environment(), settings.host)
    except InvalidSettings as error:
        sys.stderr.write(f"accord api: {error}\n")
        return NOT_LOADED
    if settings.agreements is None:
        sys.stderr.write("accord api: set ACCORD_AGREEMENTS to the folder of the documents\n")
        return NOT_LOADED
    loaded = load(settings.agreements)
    if loaded.catalogue is None:
        sys.stderr.writelines(f"{problem}\n" for problem in loaded.problems)
        return NOT_LOADED
    registry = new_registry()
    api = _Api(settings, access, loaded.catalogue, registry)
    return run(
        SERVICE,
        api.serve,
        settings=settings,
        registry=registry,
        readiness=api.readiness,
        drain_s=DRAIN_S + settings.drain_delay,
    )


if __name__ == "__main__":
    sys.exit(main())
