"""Kept series: the very bytes that the client library's encoder writes, plain and compressed."""

import gzip
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import Gauge
from prometheus_client.exposition import choose_encoder

from shared.runtime import kept_text
from shared.runtime.kept_text import KeptFamilies, Sample
from shared.runtime.metrics import Metric
from shared.runtime.registry import Registry

STATE = Metric("state", "The state, with a comma", ("sla_id", "state"))
VALUE = Metric("value_ratio", "The value", ("sla_id",))
EVENTS = Metric("events", "Events", ("zone", "sla_id"))

FORMATS = {
    "plain": "",
    "plain 1.0": "text/plain;version=1.0.0;escaping=allow-utf-8",
    "open": "application/openmetrics-text; version=1.0.0",
    "what Prometheus 2 asks for": "application/openmetrics-text;version=1.0.0,"
    "application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    "what Prometheus 3 asks for": "application/openmetrics-text;version=1.0.0;"
    "escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,*/*;q=0.2",
}


def samples(owner: str, value: float) -> list[Sample]:
    return [
        Sample(STATE, (owner, "ok"), 1),
        Sample(STATE, (owner, "breached"), 0),
        Sample(VALUE, (owner,), value),
        Sample(EVENTS, ("a", owner), 3),
    ]


def a_registry() -> tuple[Registry, KeptFamilies]:
    registry, kept = Registry(), KeptFamilies([STATE, VALUE], [EVENTS])
    registry.register(kept)
    Gauge("other", "Another", registry=registry).set(0.1)
    return registry, kept


def encoded(registry: Registry, accept: str) -> bytes:
    """What the client library alone makes of all collectors."""
    encode, _ = choose_encoder(accept)
    return encode(registry)


def scraped(registry: Registry, accept: str) -> bytes:
    packed = registry.scrape(accept, gzip=True)
    assert packed.is_gzipped
    plain = b"".join(registry.scrape(accept, gzip=False).body)
    assert gzip.decompress(b"".join(packed.body)) == plain
    return plain


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_text, "BLOCK", 3)


@pytest.mark.parametrize("accept", FORMATS.values(), ids=FORMATS)
def test_what_is_kept_is_what_the_encoder_would_write(accept: str) -> None:
    registry, kept = a_registry()
    assert scraped(registry, accept) == encoded(registry, accept)
    owners = ["acme/p1", 'a "quoted"\\\n name', "ümlaut", *map(str, range(9))]
    kept.renew({owner: samples(owner, place / 7) for place, owner in enumerate(owners)})
    assert scraped(registry, accept) == encoded(registry, accept)
    kept.renew({"5": samples("5", 1e-9), "new": samples("new", 2)}, gone=["acme/p1", "3", "4"])
    assert scraped(registry, accept) == encoded(registry, accept)
    kept.renew({"5": samples("5", 1)[:2]})
    assert scraped(registry, accept) == encoded(registry, accept)
    kept.renew({}, gone=["ümlaut", 'a "quoted"\\\n name', "new", *"0125678"])
    assert scraped(registry, accept) == encoded(registry, accept)


@given(
    st.lists(
        st.tuples(
            st.dictionaries(st.sampled_from("abcdefgh"), st.floats(allow_nan=False)),
            st.sets(st.sampled_from("abcdefgh")),
        ),
        max_size=6,
    )
)
def test_whatever_comes_and_goes_the_bytes_are_those_of_the_encoder(
    steps: list[tuple[dict[str, float], set[str]]],
) -> None:
    registry, kept = a_registry()
    known: set[str] = set()
    for changes, leaving in steps:
        gone = (known & leaving) - changes.keys()
        kept.renew({owner: samples(owner, value) for owner, value in changes.items()}, gone)
        known = known - gone | changes.keys()
        for accept in ("", FORMATS["open"]):
            assert scraped(registry, accept) == encoded(registry, accept)


def test_only_blocks_with_a_change_are_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    _, kept = a_registry()
    kept.renew({owner: samples(owner, 1) for owner in "abcdefgh"})
    made: list[bytes] = []
    make: Callable[[bytes], kept_text.Piece] = kept_text._piece  # noqa: SLF001 - counted here

    def counted(text: bytes) -> kept_text.Piece:
        made.append(text)
        return make(text)

    monkeypatch.setattr(kept_text, "_piece", counted)
    kept.renew({owner: samples(owner, 1) for owner in "abcdefgh"})
    assert made == []
    kept.renew({"d": samples("d", 2), "e": samples("e", 1)})
    assert [text.count(b"\n") for text in made] == [3]
    assert b'value_ratio{sla_id="d"} 2.0' in made[0]


def test_series_can_be_asked_for_by_name() -> None:
    registry, kept = a_registry()
    kept.renew({"a": samples("a", 1)})
    [body] = registry.scrape("", gzip=True, names=["events_total", "other"]).body
    lines = [line for line in body.decode().splitlines() if not line.startswith("#")]
    assert sorted(lines) == ['events_total{sla_id="a",zone="a"} 3.0', "other 0.1"]


def test_a_collector_that_is_taken_out_is_shown_no_more() -> None:
    registry, kept = a_registry()
    kept.renew({"a": samples("a", 1)})
    other = Gauge("third", "The third", registry=registry)
    registry.unregister(kept)
    registry.unregister(other)
    assert b"".join(registry.scrape("", gzip=False).body).decode().splitlines()[2:] == ["other 0.1"]
