"""Windows: what counts where, value, state, budget and breaches, each from its definition."""

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from typing import Any
from urllib.parse import quote

from tests.oracle.days import Segment, length, text, window
from tests.oracle.reading import Objective, Version

Json = Any
Group = tuple[str, ...]


@dataclass(frozen=True)
class Entry:
    """One thing that counts: an outcome at an instant, in a group."""

    outcome: str
    at: int
    group: Group


@dataclass
class Promise:
    """One objective through all versions of its agreement, and what counts in it."""

    agreement: str
    name: str
    versions: list[Version]
    entries: list[Entry]

    @property
    def any(self) -> Objective:
        """Kpi, window and groupBy are the same in all versions."""
        return next(o for v in self.versions if (o := v.objective(self.name)))

    def window(self, at: int) -> Segment:
        """The window that holds an instant."""
        return window(self.any.period, self.any.zone, at)

    def exists(self, span: Segment) -> bool:
        """Whether a window overlaps the effective period of a version with the objective."""
        return any(
            v.objective(self.name)
            and span[0] < (v.until if v.until is not None else span[1])
            and v.start < span[1]
            for v in self.versions
        )

    def judge(self, span: Segment, now: int) -> tuple[Version, Objective]:
        """The version that judges a window."""
        at = min(now, span[1] - 1)
        having = [v for v in self.versions if v.objective(self.name)]
        effective = [v for v in having if v.effective(at)]
        begun = [v for v in having if v.start <= at]
        version = (effective or begun[-1:] or having[:1])[0]
        objective = version.objective(self.name)
        assert objective is not None
        return version, objective

    def groups(self) -> list[Group]:
        """The groups that are listed."""
        found = {e.group for e in self.entries}
        return sorted(found if self.any.group_by else found | {()})

    def windows(self, group: Group, now: int) -> list[Segment]:
        """The windows of a group that are listed."""
        counting = {self.window(e.at) for e in self.entries if e.group == group}
        current = self.window(now)
        if not self.any.group_by and self.exists(current):
            counting.add(current)
        if "atLeast" in self.any.target and counting:
            span, chain = min(counting), []
            while span[0] <= now:
                chain.append(span)
                span = self.window(span[1])
            counting |= set([s for s in chain if self.exists(s)][-2500:])
        return sorted(counting)

    def rows(self, now: int) -> tuple[list[dict[str, Json]], list[dict[str, Json]]]:
        """The `objectives` and the window `breaches`."""
        objectives, breaches = [], []
        for group in self.groups():
            for span in self.windows(group, now):
                row, state = self._row(group, span, now)
                objectives.append(row)
                common = {
                    k: row[k] for k in ("sla_id", "agreement", "objective", "group", "window")
                }
                for opened, closed in self._breaches(group, span, now, state):
                    ends = {"opened_at": text(opened), "closed_at": closed and text(closed)}
                    breaches.append({"scope": "window", **common, **ends})
        return objectives, breaches

    def inside(self, group: Group, span: Segment) -> list[Entry]:
        """What counts in a window of a group."""
        return [e for e in self.entries if e.group == group and span[0] <= e.at < span[1]]

    def _row(self, group: Group, span: Segment, now: int) -> tuple[dict[str, Json], str]:
        version, objective = self.judge(span, now)
        inside = self.inside(group, span)
        n = Counter(e.outcome for e in inside)
        final = span[1] <= now
        counts: dict[str, int] = {"count": n["counted"]}
        if "within" in objective.target:
            names = ("excluded", "running", "met", "breached_open", "breached_closed")
            counts = {"eligible": len(inside), **{k: n[k] for k in names}}
        value = _value(objective, inside)
        consumed, budget = _consumed(objective, inside, value)
        if value is None:
            state = "no_data"
        elif "atLeast" in objective.target:
            state = self._volume(version, objective, span, now, value)
        elif _misses(objective, value):
            state = "breached"
        else:
            risky = not final and consumed is not None and consumed >= objective.budget_consumed
            state = "at_risk" if risky else "ok"
        row = {
            "sla_id": "/".join((self.agreement, self.name, *map(_encoded, group))),
            "agreement": self.agreement,
            "objective": self.name,
            "level": version.level,
            "group": dict(zip(objective.group_by, group, strict=True)),
            "window": {"start": text(span[0]), "end": text(span[1])},
            "final": final,
            "value": decimal(value),
            "target": objective.target,
            "state": state,
            "budget_remaining": decimal(budget),
            "counts": counts,
        }
        return row, state

    def _volume(
        self, version: Version, objective: Objective, span: Segment, now: int, value: Fraction
    ) -> str:
        """The state of an `atLeast`."""
        total = self._open(version, span[0], span[1])
        target = Fraction(str(objective.target["atLeast"]))
        if total == 0:
            return "excluded"
        if value >= target:
            return "ok"
        if span[1] <= now:
            return "breached"
        if objective.pace is not None:
            pace = target * self._open(version, span[0], now) / total
            if value < pace * (1 - objective.pace):
                return "at_risk"
        return "ok"

    def _open(self, version: Version, start: int, end: int) -> int:
        """Open time of the judging version's calendar inside the effective period."""
        used = 0
        for v in self.versions:
            if v.objective(self.name):
                until = end if v.until is None else min(end, v.until)
                used += length(version.calendar.open(max(start, v.start), until))
        return used

    def _breaches(
        self, group: Group, span: Segment, now: int, state: str
    ) -> list[tuple[int, int | None]]:
        objective = self.judge(span, now)[1]
        end = span[1] if span[1] <= now else None
        if "atLeast" in objective.target:
            return [(end, end)] if end is not None and state == "breached" else []
        entries = [e for e in self.inside(group, span) if e.outcome not in ("running", "excluded")]
        found: list[tuple[int, int | None]] = []
        for at in sorted({e.at for e in entries}):
            value = _value(objective, [e for e in entries if e.at <= at])
            missed = value is not None and _misses(objective, value)
            is_open = bool(found) and found[-1][1] is None
            if missed and not is_open:
                found.append((at, None))
            elif is_open and not missed:
                found[-1] = (found[-1][0], at)
        return [(a, end if b is None else b) for a, b in found]


def _value(objective: Objective, entries: list[Entry]) -> Fraction | None:
    n = Counter(e.outcome for e in entries)
    if "within" not in objective.target:
        return Fraction(n["counted"])
    decided = n["met"] + n["breached_open"] + n["breached_closed"]
    return None if decided < objective.minimum else Fraction(n["met"], decided)


def _misses(objective: Objective, value: Fraction) -> bool:
    target = objective.target
    if "within" in target:
        return value < Fraction(str(target.get("ratio", "1")))
    return value > Fraction(str(target["atMost"]))


def _consumed(
    objective: Objective, entries: list[Entry], value: Fraction | None
) -> tuple[Fraction | None, Fraction | None]:
    """The share of the budget that is consumed, and what remains of it."""
    target = objective.target
    if value is None or "atLeast" in target:
        return None, None
    if "within" in target:
        n = Counter(e.outcome for e in entries)
        missed = n["breached_open"] + n["breached_closed"]
        allowed = (1 - Fraction(str(target.get("ratio", "1")))) * (missed + n["met"])
    else:
        missed, allowed = int(value), Fraction(str(target["atMost"]))
    if missed == 0:
        return Fraction(0), Fraction(1)
    if allowed == 0:
        return None, None
    return missed / allowed, 1 - missed / allowed


def _encoded(value: str) -> str:
    return quote(value, safe="").replace("~", "%7E") or "~"


def decimal(x: Fraction | None) -> str | None:
    """A plain decimal with at most twelve digits after the point, half-even."""
    if x is None:
        return None
    scaled = round(abs(x) * 10**12)
    whole, rest = divmod(scaled, 10**12)
    digits = f"{whole}.{rest:012d}".rstrip("0").rstrip(".")
    return f"-{digits}" if x < 0 and digits != "0" else digits
