"""The core against the oracle: `python -m tests.oracle.differences --seeds n`.

Each seed is evaluated by the oracle, by `accord evaluate`'s own function, and once more with the
events admitted in pieces and settled at instants in between. All three must say the same bytes.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from services.cli.evaluate import Reading, evaluate_lines, evaluation_form
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
    return parsed(oracle.dump(oracle.evaluate([given.yaml], given.lines, instant(given.now))))


def by_product(given: Case) -> dict[str, Json]:
    """What `accord evaluate` says."""
    lines = [line.encode() for line in given.lines]
    known = catalogue(given.yaml)
    return parsed(results.encode(evaluate_lines(known, lines, now=parse_instant(given.now))))


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
    found = evaluate_items(known, early.values(), now=now)
    return parsed(results.encode(evaluation_form(known, found)))


def difference(given: Case) -> str | None:
    """What differs, None when nothing does; `RefusedError` when a side refuses the documents."""
    want = by_oracle(given)
    ways: tuple[tuple[str, Callable[[Case], dict[str, Json]]], ...] = (
        ("evaluate", by_product),
        ("in pieces", by_pieces),
    )
    for name, way in ways:
        try:
            got = way(given)
        except (ArithmeticError, LookupError, TypeError, ValueError, AssertionError) as error:
            return f"{name}: {type(error).__name__}: {error}"
        for part in PARTS:
            if got[part] != want[part]:
                return f"{name}: {part}\n{_first(want[part], got[part])}"
    return None


def _first(want: list[Json], got: list[Json]) -> str:
    for i in range(max(len(want), len(got))):
        one = want[i] if i < len(want) else None
        other = got[i] if i < len(got) else None
        if one != other:
            there = one if one and other else {}
            named = {k: (v, other[k]) for k, v in there.items() if other and other.get(k) != v}
            return f"  [{i}] oracle {one}\n  [{i}] product {other}\n  members {named}"
    return ""


def differs(given: Case) -> bool:
    """Whether there is a difference; a refused case has none."""
    try:
        return difference(given) is not None
    except RefusedError:
        return False


def minimised(given: Case) -> Case:
    """A smaller case that still differs: events, documents, objectives and members dropped."""
    smaller = True
    while smaller:
        smaller = False
        for candidate in _smaller(given):
            if differs(candidate):
                given, smaller = candidate, True
                break
    return given


def _smaller(given: Case) -> list[Case]:
    found = [
        given.with_events([*given.events[:i], *given.events[i + 1 :]])
        for i in range(len(given.events))
    ]
    docs = list(given.documents)
    for i in range(len(docs)):
        found.append(Case(tuple(docs[:i] + docs[i + 1 :]), given.events, given.now))
        for spec in _fewer(docs[i]["spec"]):
            other = {**docs[i], "spec": spec}
            found.append(Case((*docs[:i], other, *docs[i + 1 :]), given.events, given.now))
    for i, event in enumerate(given.events):
        for spec in _fewer(event):
            events = [*given.events[:i], spec, *given.events[i + 1 :]]
            found.append(given.with_events(events))
    return found


def _fewer(spec: dict[str, Json]) -> list[dict[str, Json]]:
    found = [{k: v for k, v in spec.items() if k != left} for left in spec]
    for name, value in spec.items():
        if isinstance(value, dict):
            found += [{**spec, name: v} for v in _fewer(value)]
        elif isinstance(value, list) and len(value) > 1:
            found += [{**spec, name: [v for v in value if v is not left]} for left in value]
        if isinstance(value, list):
            for i, member in enumerate(value):
                if isinstance(member, dict):
                    found += [
                        {**spec, name: [*value[:i], v, *value[i + 1 :]]} for v in _fewer(member)
                    ]
    return found


def main() -> int:
    """Compare seeds; the last line says how many and what differed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--stop-at", type=int, default=5, help="give up after so many differences")
    given = parser.parse_args()
    events = done = refused = different = 0
    for seed in range(given.first, given.first + given.seeds):
        one = case(seed)
        done, events = done + 1, events + len(one.events)
        try:
            found = difference(one)
        except RefusedError as error:
            refused += 1
            print(f"seed {seed}: refused: {error}", file=sys.stderr)
            continue
        if found is not None:
            different += 1
            small = minimised(one)
            print(f"seed {seed}: {found}\n--- minimised: {difference(small)}")
            print(small.yaml, *small.lines, f"now {small.now}", sep="\n", flush=True)
            if different >= given.stop_at:
                break
    print(f"{done} seeds, {events} events, {refused} refused, {different} differences")
    return 1 if different or refused else 0


if __name__ == "__main__":
    sys.exit(main())
