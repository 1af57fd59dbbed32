"""The value of a window and what its target says of it, from the entries that count."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from tests.oracle.days import SECOND, duration
from tests.oracle.entries import Entry
from tests.oracle.reading import Objective

BREACHED = ("breached_open", "breached_closed")
DECIDED = ("met", *BREACHED)


@dataclass(frozen=True)
class Judgement:
    """`enough`: not below the minimum; `consumed` and `left` of the budget, None without one."""

    value: Fraction | None
    misses: bool
    enough: bool = True
    consumed: Fraction | None = None
    left: Fraction | None = None


def judged(objective: Objective, entries: Sequence[Entry]) -> Judgement:
    """Entries judged by an objective; pending ones of a cohort go the target's way."""
    measure = objective.kpi["measure"]
    if objective.kind == "within":
        return _within(objective, Counter(e.outcome for e in entries))
    if objective.kind == "percentile":
        return _percentile(objective, entries)
    if measure == "ratio":
        return _ratio(objective, Counter(e.outcome for e in entries))
    if measure in {"duration", "mean"}:
        return _mean(objective, [e for e in entries if e.outcome in (*DECIDED, "counted")])
    value = Fraction(sum(1 if e.amount is None else e.amount for e in entries))
    target = objective.number(objective.kind)
    if objective.kind == "atLeast":
        return Judgement(value, misses=value < target)
    consumed, left = _budget(value, target)
    return Judgement(value, misses=value > target, consumed=consumed, left=left)


def _budget(missed: Fraction, allowed: Fraction) -> tuple[Fraction | None, Fraction | None]:
    """The share of the budget that is consumed, and what remains of it."""
    if missed <= 0:  # also where none is allowed: what remains is 1, and that is 1 - consumed
        return Fraction(0), Fraction(1)
    if allowed <= 0:
        return None, None
    return missed / allowed, 1 - missed / allowed


def _judged(
    objective: Objective,
    n: int,
    value: Fraction | None,
    *,
    misses: bool,
    missed: int,
    budget: Fraction,
) -> Judgement:
    if n < objective.minimum:
        return Judgement(None, misses=False, enough=False)
    consumed, left = _budget(Fraction(missed), budget * n)
    return Judgement(value, misses=misses, consumed=consumed, left=left)


def _within(objective: Objective, count: Counter[str]) -> Judgement:
    n = sum(count[outcome] for outcome in DECIDED)
    value = Fraction(count["met"], n) if n else None
    ratio = Fraction(str(objective.target.get("ratio", "1")))
    misses = value is not None and value < ratio
    return _judged(objective, n, value, misses=misses, missed=n - count["met"], budget=1 - ratio)


def _percentile(objective: Objective, entries: Sequence[Entry]) -> Judgement:
    decided = [e for e in entries if e.outcome in DECIDED]
    n, met = len(decided), sum(e.outcome == "met" for e in decided)
    p = objective.number("percentile")
    stopped = sorted(int(e.amount) for e in decided if e.amount is not None)
    rank = ceil(p * n)
    value = shown(stopped[rank - 1]) if 0 < rank <= len(stopped) else None
    return _judged(objective, n, value, misses=met < p * n, missed=n - met, budget=1 - p)


def shown(micros: int) -> Fraction:
    """The seconds that are shown: the midpoint of the bucket of the seven topmost bits."""
    if micros < 128:
        return Fraction(micros, SECOND)
    width = 1
    while micros // width >= 128:
        width *= 2
    low = micros // width * width
    return Fraction(low + width // 2, SECOND)


def _mean(objective: Objective, entries: Sequence[Entry]) -> Judgement:
    if len(entries) < objective.minimum:
        return Judgement(None, misses=False, enough=False)
    value = sum((e.amount or Fraction(0) for e in entries), Fraction(0)) / len(entries)
    if objective.kpi["measure"] == "mean":
        target = objective.number(objective.kind)
        misses = value < target if objective.kind == "atLeast" else value > target
        return Judgement(value, misses=misses)
    most = duration(objective.target["atMost"])
    assert most is not None
    return Judgement(value / SECOND, misses=value > most)


def _ratio(objective: Objective, count: Counter[str]) -> Judgement:
    cohort = objective.kpi.get("cohort", False)
    good, pending = count["good"], count["pending"]
    total = good + pending + count["lost"] if cohort else count["total"]
    value = Fraction(good, total) if total else None
    target = objective.number(objective.kind)
    if objective.kind == "atLeast":
        misses = bool(total) and Fraction(good + pending, total) < target
        missed, budget = total - pending - good, 1 - target
    else:
        misses = bool(total) and Fraction(good, total) > target
        missed, budget = good, target
    return _judged(objective, total, value, misses=misses, missed=missed, budget=budget)
