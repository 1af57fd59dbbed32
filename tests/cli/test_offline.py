"""Evaluating item by item from gathered lines gives the bytes of evaluating in memory."""

from random import Random

import pytest

from services.cli.evaluate import evaluate_lines
from services.cli.offline import evaluate_offline
from shared.domain.instant import parse_instant
from shared.wire import results
from tests.oracle.differences import catalogue
from tests.oracle.generate import case

GARBAGE = [
    b"",
    b"  \n",
    b"{",
    b"[1]",
    b'{"type": "ticket.created"}',
    b'{"type": 1, "subject": "T-1"}',
    b'{"type": "ticket.created", "subject": "T-1", "subject": "T-2"}',
    b'{"type": "nodot", "subject": "T-1"}',
    b"\xff\xfe",
    b'\xef\xbb\xbf{"type": "ticket.created", "subject": "T-1"}',
    b'{"type": "ticket.created", "subject": ""}',
    b"[" * 5_000,
]


@pytest.mark.parametrize("seed", range(40))
def test_the_bytes_are_those_of_evaluating_in_memory(seed: int) -> None:
    given = case(seed)
    dice = Random(seed)  # noqa: S311 - a test's dice
    lines = [line.encode() + b"\n" for line in given.lines]
    lines += [*dice.choices(lines, k=len(lines) // 5), *GARBAGE]
    dice.shuffle(lines)
    known, now = catalogue(given.yaml), parse_instant(given.now)
    in_memory = evaluate_lines(known, lines, now=now, all_windows=given.all_windows)
    # In one process, and on some seeds with the items shared out among several.
    for lines_each in (10**9, 4) if seed % 8 == 0 else (10**9,):
        written: list[bytes] = []
        evaluate_offline(
            known,
            lines,
            written.append,
            now=now,
            all_windows=given.all_windows,
            lines_each=lines_each,
        )
        assert b"".join(written) == results.encode(in_memory) + b"\n"
