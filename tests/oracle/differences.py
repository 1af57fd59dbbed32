"""The core against the oracle: `python -m tests.oracle.differences --seeds n`.

Each seed is evaluated by the oracle, by `accord evaluate`'s own function, and once more with the
events admitted in pieces and settled at instants in between. All three must say the same bytes.
"""

import argparse
import json
import multiprocessing
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from services.cli.evaluate import Reading, evaluation_form
from services.cli.offline import evaluate_offline
from shared.documents import load
from shared.domain.agreement import Catalogue
from shared.domain.evaluation import evaluate as evaluate_items
from shared.domain.instant import MINUTE, parse_instant
from shared.domain.item import Item
from shared.domain.plan import compile_plan
from shared.wire import results
from shared.wire.cloudevents import decode_line
from tests.oracle import evaluate as oracle
from tests.oracle.days import instant
from tests.oracle.generate import Case, case
from tests.oracle.minimising import minimised
from tests.oracle.reading import RefusedError

Json = Any
PARTS = ("objectives", "clocks", "breaches")


class Exact(str):
    """A number as it is written."""

    __slots__ = ()


def parsed(text: bytes | str) -> dict[str, list[Json]]:
    """The parts that are promised byte for byte; members' order aside."""

    def number(written: str) -> Exact:
        return Exact(f"number {written}")

    whole = json.loads(text, parse_float=number, parse_int=number)
    return {part: whole[part] for part in PARTS}


def catalogue(yaml: str) -> Catalogue:
    """The product's catalogue of a YAML text."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as file:
        file.write(yaml)
        file.flush()
        loaded = load(Path(file.name))
    if loaded.catalogue is None:
        raise RefusedError([str(p) for p in loaded.problems])
    return loaded.catalogue


def by_oracle(given: Case) -> dict[str, Json]:
    """What the oracle says."""
    found = oracle.evaluate(
        [given.yaml], given.lines, instant(given.now), all_windows=given.all_windows
    )
    return parsed(oracle.dump(found))


def by_product(given: Case) -> dict[str, Json]:
    """What `accord evaluate` says."""
    lines = [line.encode() for line in given.lines]
    known = catalogue(given.yaml)
    written: list[bytes] = []
    evaluate_offline(
        known,
        lines,
        written.append,
        now=parse_instant(given.now),
        all_windows=given.all_windows,
    )
    return parsed(b"".join(written))


def by_pieces(given: Case) -> dict[str, Json]:
    """What the core says when the events come in pieces, with settling in between."""
    dice = Random(given.now + given.yaml)  # noqa: S311 - a test's dice
    known, now = catalogue(given.yaml), parse_instant(given.now)
    plan = compile_plan(known)
    reading = Reading(plan, now=now)
    pending = [decode_line(line.encode()) for line in given.lines]
    # Mostly as in life: nearly in order, and settled a little after what has come.
    late = dice.choice((0, 0, 1, 90, 10**6)) * MINUTE
    pending.sort(key=lambda e: e.time + dice.randint(0, late), reverse=True)
    times = sorted(e.time for e in pending)
    reached = times[0]
    early: dict[str, Item] = reading.items
    while pending:
        for _ in range(min(len(pending), dice.randint(1, 4))):
            event = pending.pop()
            item = early.get(event.item)
            if item is None:
                item = early[event.item] = Item(plan, event.kind, event.subject)
            item.admit(event)
            reached = max(reached, event.time)
        reached += dice.choice((0, 0, 1, 10 * MINUTE, dice.randint(0, 300) * MINUTE))
        for item in early.values():
            item.settle(now=reached if dice.random() < 0.9 else dice.choice([now, *times]))
        if dice.random() < 0.2:
            key = dice.choice(list(early))
            kind, _, subject = key.partition(":")
            early[key] = Item(plan, kind, subject, early[key].events)
    found = evaluate_items(known, early.values(), now=now, all_windows=given.all_windows)
    return parsed(results.encode(evaluation_form(known, found)))


class Compared(NamedTuple):
    """What a seed gave: how much was compared, and what differs, None when nothing does."""

    seed: int
    clocks: int
    windows: int
    difference: str | None


def compared(seed: int) -> Compared:
    """The case of a seed, compared."""
    given = case(seed)
    try:
        want = by_oracle(given)
        found = _differing(given, want)
    except BaseException as error:
        error.add_note(f"in seed {seed}")  # another process says it
        raise
    return Compared(seed, len(want["clocks"]), len(want["objectives"]), found)


def difference(given: Case) -> str | None:
    """What differs, None when nothing does; a refusal by either side is a difference."""
    return _differing(given, by_oracle(given))


def _differing(given: Case, want: dict[str, Json]) -> str | None:
    ways: tuple[tuple[str, Callable[[Case], dict[str, Json]]], ...] = (
        ("evaluate", by_product),
        ("in pieces", by_pieces),
    )
    for name, way in ways:
        try:
            got = way(given)
        except RefusedError as error:
            return f"{name}: refused: {error}"
        except (ArithmeticError, LookupError, TypeError, ValueError, AssertionError) as error:
            return f"{name}: {type(error).__name__}: {error}"
        for part in PARTS:
            if got[part] != want[part]:
                return f"{name}: {part}\n{_first(want[part], got[part])}"
    return None


def _first(want: list[Json], got: list[Json]) -> str:
    """The first entries that differ: those one side lacks, or the members that are unlike."""
    wanted, gotten = ({_text(row) for row in rows} for rows in (want, got))
    missing = [row for row in want if _text(row) not in gotten]
    surplus = [row for row in got if _text(row) not in wanted]
    if not missing and not surplus:
        return "  the same entries in another order"
    lines = [f"  {len(want)} by the oracle, {len(got)} by the product"]
    named = [_name(row) for row in missing + surplus]
    chosen = min(named)
    pair = [next((r for r in rows if _name(r) == chosen), None) for rows in (missing, surplus)]
    for side, row, other in zip(("oracle", "product"), pair, (missing, surplus), strict=True):
        lines.append(f"  {side}: {row or ['not this, but', *other[:1]]}")
    if pair[0] and pair[1]:
        unlike = [k for k in pair[0] if pair[0][k] != pair[1].get(k)]
        lines += [f"  {k}: oracle {pair[0][k]}, product {pair[1].get(k)}" for k in unlike]
    return "\n".join(lines)


def _text(row: Json) -> str:
    return json.dumps(row, sort_keys=True)


def _name(row: Json) -> str:
    keys = ("scope", "sla_id", "agreement", "objective", "group", "window", "item", "cycle")
    return str([row.get(key) for key in keys])


def main() -> int:
    """Compare seeds; the last line says how many, how much, and what differed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, help="this one alone")
    parser.add_argument("--stop-at", type=int, default=5, help="give up after so many differences")
    parser.add_argument("--processes", type=int, default=multiprocessing.cpu_count())
    given = parser.parse_args()
    seeds = range(given.first, given.first + given.seeds)
    if given.seed is not None:
        seeds = range(given.seed, given.seed + 1)
    done, differing = [], []
    with multiprocessing.Pool(min(given.processes, len(seeds))) as pool:
        for one in pool.imap(compared, seeds, chunksize=min(16, 1 + len(seeds) // 8)):
            done.append(one)
            if one.difference is not None:
                differing.append(one)
                print(f"\nseed {one.seed}: {one.difference}", flush=True)
                if len(differing) >= given.stop_at:
                    break
            if len(done) % 50 == 0:
                progress = f"\r{len(done)} of {len(seeds)} seeds, {len(differing)} differences"
                print(progress, end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    for one in differing:
        small = minimised(case(one.seed), difference)
        print(f"\nseed {one.seed} minimised: {difference(small)}\n{small.text}", flush=True)
    clocks, windows = sum(one.clocks for one in done), sum(one.windows for one in done)
    print(f"{len(done)} seeds, {clocks} clocks, {windows} windows, {len(differing)} differences")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
