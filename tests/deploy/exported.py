"""Which metrics the services export: read from the code that makes them."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
_HISTOGRAM = ("_bucket", "_count", "_sum")
SUFFIXES = {
    "counter": ("_total",),
    "gauge": ("",),
    "histogram": _HISTOGRAM,
    "tallied": _HISTOGRAM,
}
"""What a metric of each kind adds to its name in an exposition."""

DECLARED = re.compile(r'^([A-Z_]+): Final = Metric\(\s*"(accord_\w+)"', re.MULTILINE)
USED = re.compile(r"\b([A-Z_]+)\.(counter|gauge|histogram|tallied)\(")
# Families that a collector makes at scrape.
FAMILY = re.compile(r'\b(?:(Counter|Gauge)MetricFamily|_gauge)\(\s*"(accord_\w+)"')


@cache
def exported_series() -> frozenset[str]:
    """The names of all series of our own that some service exports."""
    texts = [path.read_text(encoding="utf-8") for path in _sources()]
    declared = dict(pair for text in texts for pair in DECLARED.findall(text))
    series = set()
    for text in texts:
        for constant, kind in USED.findall(text):
            series |= {declared[constant] + suffix for suffix in SUFFIXES[kind]}
        for kind, name in FAMILY.findall(text):
            series.add(name + "_total" if kind == "Counter" else name)
    return frozenset(series)


def _sources() -> Iterator[Path]:
    for folder in ("services", "shared"):
        yield from (ROOT / folder).rglob("*.py")
