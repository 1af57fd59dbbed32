"""Evaluating more events than fit into memory as objects: item by item, result by result.

Lines are gathered by item as they are written; an item's lines become events, are folded, and are
let go of. What is kept is its contributions and its rows of the answer, as bytes.
"""

import gc
import multiprocessing
import os
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, pairwise
from multiprocessing.connection import Connection
from multiprocessing.context import ForkProcess
from typing import Final

import msgspec

from services.cli.evaluate import Reading, Rejected, item_breach_row, window_breach_row, window_row
from shared.domain.agreement import Catalogue
from shared.domain.clock_reading import ClockReading
from shared.domain.evaluation import Entries, ItemBreach, Ledger
from shared.domain.instant import Instant, format_instant
from shared.domain.plan import compile_plan
from shared.wire import results
from shared.wire.cloudevents import InvalidEvent, decode_line

LINES_EACH: Final = 100_000
"""Lines that are worth a process of their own."""


class _Place(msgspec.Struct):
    """As much of a line as tells its item."""

    type: str
    subject: str


_decoder = msgspec.json.Decoder(_Place)


class Lines:
    """Event lines by item, in the order of the input, and the lines that are no events."""

    def __init__(self) -> None:
        """Nothing is gathered."""
        self.by_item: dict[str, tuple[array[int], list[bytes]]] = {}
        self.rejected: list[Rejected] = []

    def gather(self, lines: Iterable[bytes]) -> None:
        """Take lines in; empty ones are skipped, and lines count from 1."""
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                place = _decoder.decode(line)
                key = f"{place.type.partition('.')[0]}:{place.subject}"
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                try:
                    key = decode_line(line).item
                except InvalidEvent as error:
                    self.rejected.append(Rejected(number, str(error)))
                    continue
            self.add(key, number, line)

    def add(self, key: str, number: int, line: bytes) -> None:
        """Take in a line of an item."""
        found = self.by_item.get(key)
        if found is None:
            found = self.by_item[key] = (array("Q"), [])
        found[0].append(number)
        found[1].append(line)

    @property
    def count(self) -> int:
        """The lines that are gathered."""
        return sum(len(lines) for _, lines in self.by_item.values())


Rows = dict[tuple[str, ...], list[bytearray]]
"""Rows of the answer in JSON, a comma before each, in pieces by what they are told apart by."""


@dataclass(slots=True)
class Folded:
    """What the items give: contributions, and rows of the answer."""

    ledger: Ledger
    clocks: Rows = field(default_factory=lambda: defaultdict(list))
    breaches: Rows = field(default_factory=lambda: defaultdict(list))
    rejected: list[Rejected] = field(default_factory=list)
    items: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Share:
    """What some of the items give."""

    entries: Entries = field(default_factory=dict)
    clocks: dict[tuple[str, ...], bytearray] = field(default_factory=dict)
    breaches: dict[tuple[str, ...], bytearray] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)
    items: list[str] = field(default_factory=list)


def by_objective(of: ClockReading | ItemBreach) -> tuple[str, ...]:
    """Rows by agreement and objective, as the answer lists them."""
    return of.agreement, of.objective


def by_item(of: ClockReading | ItemBreach) -> tuple[str, ...]:
    """Rows by item."""
    return (of.item,)


_By = Callable[[ClockReading | ItemBreach], tuple[str, ...]]


def evaluate_offline(
    catalogue: Catalogue,
    lines: Iterable[bytes],
    write: Callable[[bytes], object],
    *,
    now: Instant,
    all_windows: bool = False,
    lines_each: int = LINES_EACH,
) -> None:
    """Evaluate NDJSON lines as of `now` and write the contract's JSON object (section 5)."""
    gathered = Lines()
    with no_garbage():
        gathered.gather(lines)
        folded = fold_offline(catalogue, gathered, now=now, lines_each=lines_each)
        windows, missed = folded.ledger.judge(all_windows=all_windows)
    of_windows = map(_after_comma, map(window_breach_row, missed))
    write(b'{"as_of":"%s"' % format_instant(now).encode())
    _write_list(write, b"objectives", map(_after_comma, map(window_row, windows)))
    _write_list(write, b"clocks", _in_order(folded.clocks))
    _write_list(write, b"breaches", chain(_in_order(folded.breaches), of_windows))
    told = (results.RejectedRow(own.line, own.reason) for own in folded.rejected)
    _write_list(write, b"rejected", map(_after_comma, told))
    write(b"}\n")


def fold_offline(
    catalogue: Catalogue,
    gathered: Lines,
    *,
    now: Instant,
    by: _By = by_objective,
    lines_each: int = LINES_EACH,
) -> Folded:
    """Fold the items as of `now`, and let go of their lines; `by` tells the rows apart.

    The items are shared out among the processors, one for so many lines.
    """
    folded = Folded(Ledger(catalogue, now=now), rejected=gathered.rejected)
    for share in _shares(catalogue, gathered, now, lines_each, by):
        folded.ledger.add(share.entries)
        folded.rejected += share.rejected
        folded.items += share.items
        for rows, own in ((folded.clocks, share.clocks), (folded.breaches, share.breaches)):
            for key, part in own.items():
                rows[key].append(part)
    folded.rejected.sort(key=lambda own: own.line)
    return folded


def _shares(
    catalogue: Catalogue, gathered: Lines, now: Instant, lines_each: int, by: _By
) -> Iterator[_Share]:
    """What the items give, in the order of their keys: each process has a stretch of them."""
    keys = sorted(gathered.by_item)
    processes = max(1, min(len(os.sched_getaffinity(0)), gathered.count // lines_each))
    edges = [len(keys) * place // processes for place in range(processes + 1)]
    stretches = [keys[begin:end] for begin, end in pairwise(edges)]
    # Forked, so that the lines need not be sent; what comes back is much less.
    fork = multiprocessing.get_context("fork")
    helpers: list[tuple[Connection, ForkProcess]] = []
    for stretch in stretches[1:]:
        receiving, sending = fork.Pipe(duplex=False)
        helper = fork.Process(target=_tell, args=(sending, catalogue, gathered, stretch, now, by))
        helper.start()
        sending.close()
        helpers.append((receiving, helper))
        for key in stretch:
            del gathered.by_item[key]
    yield _evaluated(catalogue, gathered, stretches[0], now, by)
    for receiving, helper in helpers:
        yield _told(receiving)
        helper.join()


def _tell(
    sending: Connection,
    catalogue: Catalogue,
    gathered: Lines,
    keys: list[str],
    now: Instant,
    by: _By,
) -> None:
    """Evaluate some items and send what they give, in pieces, so that none is there twice."""
    share = _evaluated(catalogue, gathered, keys, now, by)
    sending.send((list(share.clocks), list(share.breaches), share.rejected, share.items))
    for rows in (*share.clocks.values(), *share.breaches.values()):
        sending.send_bytes(rows)
    sending.send(list(share.entries))
    for groups in share.entries.values():
        sending.send(groups)


def _told(receiving: Connection) -> _Share:
    """What `_tell` sends. `EOFError` when that process failed; it has said why."""
    share = _Share()
    clocks, breaches, share.rejected, share.items = receiving.recv()
    for key in clocks:
        share.clocks[key] = bytearray(receiving.recv_bytes())
    for key in breaches:
        share.breaches[key] = bytearray(receiving.recv_bytes())
    for key in receiving.recv():
        share.entries[key] = receiving.recv()
    return share


def _evaluated(
    catalogue: Catalogue, gathered: Lines, keys: list[str], now: Instant, by: _By
) -> _Share:
    """Fold some items, one after the other, and let go of each."""
    plan, ledger = compile_plan(catalogue), Ledger(catalogue, now=now)
    share = _Share()
    for key in keys:
        numbers, written = gathered.by_item.pop(key)
        reading = Reading(plan, now=now)
        reading.read(zip(numbers, written, strict=True))
        share.rejected += reading.rejected
        share.items += reading.items
        for item in reading.items.values():
            clocks, breaches = ledger.post(item)
            for clock in clocks:
                _append(share.clocks, by(clock), results.clock_row(clock))
            for breach in breaches:
                _append(share.breaches, by(breach), item_breach_row(breach))
    share.entries = ledger.entries
    return share


def _append(rows: dict[tuple[str, ...], bytearray], key: tuple[str, ...], row: object) -> None:
    """One more row, after a comma."""
    found = rows.get(key)
    if found is None:
        found = rows[key] = bytearray()
    found += b","
    found += results.encode(row)


def _in_order(rows: Rows) -> Iterator[bytearray]:
    for key in sorted(rows):
        yield from rows.pop(key)


def _after_comma(row: object) -> bytes:
    return b"," + results.encode(row)


def _write_list(
    write: Callable[[bytes], object], name: bytes, parts: Iterable[bytes | bytearray]
) -> None:
    """A member of the object; each part is some rows, a comma before each of them."""
    write(b',"%s":[' % name)
    begun = False
    for part in parts:
        if part:
            write(bytes(part if begun else memoryview(part)[1:]))
            begun = True
    write(b"]")


@contextmanager
def no_garbage() -> Iterator[None]:
    """Spare the search for cycles, which events and items do not have: it costs a third."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
