"""Evaluating more events than fit into memory as objects: item by item, result by result.

Lines are gathered by item as they are written; an item's lines become events, are folded, and are
let go of. What is kept is its contributions and its rows of the answer, as bytes.
"""

import gc
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import msgspec

from services.cli.evaluate import Reading, Rejected, item_breach_row, window_breach_row, window_row
from shared.domain.agreement import Catalogue
from shared.domain.evaluation import Ledger
from shared.domain.instant import Instant, format_instant
from shared.domain.plan import compile_plan
from shared.wire import results
from shared.wire.cloudevents import InvalidEvent, decode_line


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
        by_item = self.by_item
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
            found = by_item.get(key)
            if found is None:
                found = by_item[key] = (array("Q"), [])
            found[0].append(number)
            found[1].append(line)


def evaluate_offline(
    catalogue: Catalogue,
    lines: Iterable[bytes],
    write: Callable[[bytes], object],
    *,
    now: Instant,
    all_windows: bool = False,
) -> None:
    """Evaluate NDJSON lines as of `now` and write the contract's JSON object (section 5)."""
    gathered = Lines()
    with _no_garbage():
        gathered.gather(lines)
        ledger, rejected = Ledger(catalogue, now=now), gathered.rejected
        clocks: dict[tuple[str, str], bytearray] = defaultdict(bytearray)
        breaches: dict[tuple[str, str], bytearray] = defaultdict(bytearray)
        plan = compile_plan(catalogue)
        for key in sorted(gathered.by_item):
            numbers, written = gathered.by_item.pop(key)
            reading = Reading(plan, now=now)
            reading.read(zip(numbers, written, strict=True))
            rejected += reading.rejected
            for item in reading.items.values():
                own_clocks, own_breaches = ledger.post(item)
                for clock in own_clocks:
                    _append(clocks[clock.agreement, clock.objective], results.clock_row(clock))
                for breach in own_breaches:
                    _append(breaches[breach.agreement, breach.objective], item_breach_row(breach))
        windows, missed = ledger.judge(all_windows=all_windows)
        rejected.sort(key=lambda own: own.line)
    breach_rows = [breaches[key] for key in sorted(breaches)]
    breach_rows.append(bytearray())
    for window_breach in missed:
        _append(breach_rows[-1], window_breach_row(window_breach))
    write(b'{"as_of":"%s"' % format_instant(now).encode())
    _write_list(write, b"objectives", map(_after_comma, map(window_row, windows)))
    _write_list(write, b"clocks", (clocks.pop(key) for key in sorted(clocks)))
    _write_list(write, b"breaches", breach_rows)
    told = (results.RejectedRow(own.line, own.reason) for own in rejected)
    _write_list(write, b"rejected", map(_after_comma, told))
    write(b"}\n")


def _append(rows: bytearray, row: object) -> None:
    rows += b","
    rows += results.encode(row)


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
def _no_garbage() -> Iterator[None]:
    """Spare the search for cycles, which events and items do not have: it costs a third."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
