"""How many of a process's connections to the database are in use."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from shared.runtime.database import Pool
from shared.runtime.metrics import POOL_CONNECTIONS, POOL_LIMIT


class PoolFigures(Collector):
    """The connections of a pool, as they are when they are asked for."""

    def __init__(self, registry: CollectorRegistry, name: str = "main") -> None:
        """`name` tells the pools of a process apart; there is none yet."""
        self._pool: Pool | None = None
        self._name = name
        registry.register(self)

    def show(self, pool: Pool) -> None:
        """Show this pool from now on."""
        self._pool = pool

    def collect(self) -> Iterator[Metric]:
        """The families."""
        if self._pool is None:
            return
        connections, limit = self.describe()
        idle = self._pool.get_idle_size()
        connections.add_metric((self._name, "in_use"), self._pool.get_size() - idle)
        connections.add_metric((self._name, "idle"), idle)
        limit.add_metric((self._name,), self._pool.get_max_size())
        yield from (connections, limit)

    @staticmethod
    def describe() -> tuple[GaugeMetricFamily, GaugeMetricFamily]:
        """The families without series."""
        return (
            GaugeMetricFamily(
                POOL_CONNECTIONS.name, POOL_CONNECTIONS.help, labels=POOL_CONNECTIONS.labels
            ),
            GaugeMetricFamily(POOL_LIMIT.name, POOL_LIMIT.help, labels=POOL_LIMIT.labels),
        )
