"""Series whose exposition is made when they change, so that a scrape only hands it on.

Owners (what a few series in each family belong to) have slots, slots are gathered in blocks, and
every family has its text block by block, plain and deflated. A change of one owner makes the blocks
anew that it stands in. The text is, byte for byte, what the client library's encoder would write.
"""

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final, NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from shared.runtime.metrics import Metric

BLOCK: Final = 256
"""Owners in a block: their text in one family is some 20 KB, deflated in a fraction of a ms."""
LEVEL: Final = 1


class Sample(NamedTuple):
    """One series; the labels are in the order of the metric's."""

    metric: Metric
    labels: tuple[str, ...]
    value: float


_Plain = tuple[int, tuple[str, ...], float]
"""A sample as it is kept, with the place of its family: the search for cycles lets such tuples be,
and of a hundred thousand samples that counts."""


class Piece(NamedTuple):
    """Some text, the same as raw deflate blocks that end at a byte, and how long the text is."""

    text: bytes
    deflated: bytes
    size: int


@dataclass(frozen=True, slots=True)
class KeptText:
    """A whole exposition without its end, in pieces; `crc` is that of its text."""

    pieces: tuple[Piece, ...]
    size: int
    crc: int

    def plain(self, rest: bytes) -> list[bytes]:
        """The text with `rest` after it."""
        return [*(piece.text for piece in self.pieces), rest]

    def gzipped(self, rest: bytes) -> list[bytes]:
        """The same as one member of gzip (RFC 1952): only `rest` is compressed now."""
        packer = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        last = packer.compress(rest) + packer.flush(zlib.Z_FINISH)
        crc, size = zlib.crc32(rest, self.crc), (self.size + len(rest)) % (1 << 32)
        trailer = crc.to_bytes(4, "little") + size.to_bytes(4, "little")
        return [_GZIP_HEADER, *(piece.deflated for piece in self.pieces), last, trailer]


_GZIP_HEADER: Final = b"\x1f\x8b\x08" + bytes(6) + b"\xff"
"""Deflate, no flags, no time, an unknown system."""
NOTHING: Final = KeptText((), 0, 0)


class _Column:
    """One family: its headers, and how its lines are written."""

    def __init__(self, metric: Metric, *, is_counter: bool) -> None:
        self.metric = metric
        self.is_counter = is_counter
        series = f"{metric.name}_total" if is_counter else metric.name
        kind = "counter" if is_counter else "gauge"
        # OpenMetrics names the family, the older text the series.
        self.headers = {
            is_open: _piece(f"# HELP {name} {metric.help}\n# TYPE {name} {kind}\n".encode())
            for is_open, name in ((False, series), (True, metric.name))
        }
        order = sorted(range(len(metric.labels)), key=lambda place: metric.labels[place])
        self._begins = [
            (place, f'{"," if number else series + "{"}{metric.labels[place]}="')
            for number, place in enumerate(order)
        ]
        self.blocks: list[Piece] = []

    def line(self, sample: Sample) -> str:
        labels = "".join([f'{begin}{_escaped(sample.labels[at])}"' for at, begin in self._begins])
        value: str = floatToGoString(sample.value)  # type: ignore[no-untyped-call]
        return f"{labels}}} {value}\n"

    def family(self, samples: Iterable[_Plain]) -> Family:
        make = CounterMetricFamily if self.is_counter else GaugeMetricFamily
        made = make(self.metric.name, self.metric.help, labels=self.metric.labels)
        for _, labels, value in samples:
            made.add_metric(labels, value)
        return made


class KeptFamilies(Collector):
    """The families of many owners, renewed owner by owner; each metric has labels."""

    def __init__(self, gauges: Sequence[Metric], counters: Sequence[Metric]) -> None:
        """All families begin empty; they are written in this order."""
        self._columns = [
            *(_Column(metric, is_counter=False) for metric in gauges),
            *(_Column(metric, is_counter=True) for metric in counters),
        ]
        self._place = {column.metric: at for at, column in enumerate(self._columns)}
        self._slots: dict[str, int] = {}
        self._free: list[int] = []
        self._samples: list[tuple[_Plain, ...]] = []
        self._lines: list[tuple[str, ...]] = []
        self._shown: tuple[tuple[_Plain, ...], ...] = ()
        self._texts: dict[bool, KeptText] = {}

    def renew(self, changed: Mapping[str, Sequence[Sample]], gone: Iterable[str] = ()) -> None:
        """Show these owners' series from now on, and none of those that are gone.

        May run in a thread beside readers: they see all of it or nothing.
        """
        touched: set[tuple[int, int]] = set()
        for owner in gone:
            slot = self._slots.pop(owner)
            self._free.append(slot)
            self._put(slot, (), touched)
        for owner, samples in changed.items():
            self._put(self._slot(owner), samples, touched)
        if not touched:
            return
        for at, block in sorted(touched):
            column, begins = self._columns[at], block * BLOCK
            lines = [lines[at] for lines in self._lines[begins : begins + BLOCK]]
            column.blocks.extend([_EMPTY] * (block + 1 - len(column.blocks)))
            column.blocks[block] = _piece("".join(lines).encode())
        texts = {is_open: self._compose(is_open=is_open) for is_open in (False, True)}
        self._shown, self._texts = tuple(self._samples), texts

    def text(self, *, is_open: bool) -> KeptText:
        """The exposition in OpenMetrics, or in the older text format."""
        return self._texts.get(is_open, NOTHING)

    def collect(self) -> Iterator[Family]:
        """The families for the client library's encoder: the slow way, for a few series."""
        shown = self._shown
        for at, column in enumerate(self._columns):
            own = [sample for samples in shown for sample in samples if sample[0] == at]
            if own:
                yield column.family(own)

    def describe(self) -> Iterator[Family]:
        """The families without series, so that registering them makes nothing."""
        for column in self._columns:
            yield column.family(())

    def _slot(self, owner: str) -> int:
        slot = self._slots.get(owner)
        if slot is None:
            slot = self._slots[owner] = self._free.pop() if self._free else len(self._lines)
            if slot == len(self._lines):
                self._lines.append(("",) * len(self._columns))
                self._samples.append(())
        return slot

    def _put(self, slot: int, samples: Sequence[Sample], touched: set[tuple[int, int]]) -> None:
        lines = [""] * len(self._columns)
        for sample in samples:
            at = self._place[sample.metric]
            lines[at] += self._columns[at].line(sample)
        before, block = self._lines[slot], slot // BLOCK
        touched.update((at, block) for at, line in enumerate(lines) if line != before[at])
        self._lines[slot] = tuple(lines)
        self._samples[slot] = tuple(
            (self._place[sample.metric], sample.labels, sample.value) for sample in samples
        )

    def _compose(self, *, is_open: bool) -> KeptText:
        pieces = tuple(
            chain.from_iterable(
                (column.headers[is_open], *column.blocks)
                for column in self._columns
                if any(block.size for block in column.blocks)
            )
        )
        crc = 0
        for piece in pieces:
            crc = zlib.crc32(piece.text, crc)
        return KeptText(pieces, sum(piece.size for piece in pieces), crc)


def _piece(text: bytes) -> Piece:
    # A full flush ends at a byte and refers to nothing before it: pieces may stand in any order.
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    deflated = packer.compress(text) + packer.flush(zlib.Z_FULL_FLUSH) if text else b""
    return Piece(text, deflated, len(text))


_EMPTY: Final = _piece(b"")


def _escaped(value: str) -> str:
    if "\\" in value or "\n" in value or '"' in value:
        return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
    return value
