"""A registry whose large families are handed on as they were kept, and the rest encoded.

The client library decides on the format and encodes what few series a process has of its own;
what it would take a second for is kept ready (`kept_text`) and stands before them.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from shared.runtime.kept_text import NOTHING, KeptFamilies

_OPEN: Final = CONTENT_TYPE_LATEST.partition(";")[0]


class Exposition(NamedTuple):
    """The answer to a scrape: its media type and body, and whether that is compressed."""

    media: str
    body: list[bytes]
    is_gzipped: bool


class Registry(CollectorRegistry):
    """A registry that may have kept families beside its collectors."""

    def __init__(self) -> None:
        """Nothing is registered yet."""
        super().__init__()
        self._kept: KeptFamilies | None = None
        self._others = _Others()

    def register(self, collector: Collector) -> None:
        """Add a collector."""
        super().register(collector)
        if isinstance(collector, KeptFamilies):
            self._kept = collector
        else:
            self._others.collectors.append(collector)

    def unregister(self, collector: Collector) -> None:
        """Take a collector out."""
        super().unregister(collector)
        if collector is self._kept:
            self._kept = None
        else:
            self._others.collectors.remove(collector)

    def scrape(self, accept: str, *, gzip: bool, names: Sequence[str] = ()) -> Exposition:
        """All series in the format that `accept` asks for, or only those of these names."""
        encode, media = choose_encoder(accept)
        if names:
            # Few: made by the encoder alone.
            return Exposition(media, [encode(self.restricted_registry(names))], is_gzipped=False)
        kept = NOTHING
        if self._kept is not None:
            kept = self._kept.text(is_open=media.startswith(_OPEN))
        rest = encode(self._others)
        return Exposition(media, kept.gzipped(rest) if gzip else kept.plain(rest), gzip)


class _Others(Collector):
    """What is made at scrape."""

    def __init__(self) -> None:
        self.collectors: list[Collector] = []

    def collect(self) -> Iterator[Metric]:
        for collector in self.collectors:
            yield from collector.collect()
