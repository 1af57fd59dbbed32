"""One objective through all versions of its agreement: its groups, windows, rows and breaches."""

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import quote

from tests.oracle.breaches import Opening, episodes, walked
from tests.oracle.days import Segment, duration, length, text
from tests.oracle.entries import Entry, Group
from tests.oracle.judging import Judgement, judged
from tests.oracle.reading import Objective, Version
from tests.oracle.windows import RollingWindows, Windows
from tests.oracle.written import decimal

Json = Any
LISTED = 2500
CLOCK_COUNTS = ("excluded", "running", "met", "breached_open", "breached_closed")


@dataclass
class Promise:
    """One objective of one agreement, and what counts in it as of now."""

    agreement: str
    name: str
    versions: list[Version]
    now: int
    entries: list[Entry] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Only versions that have the objective say anything of it."""
        self.versions = [v for v in self.versions if v.objective(self.name)]

    @cached_property
    def any(self) -> Objective:
        """Kpi, window, groupBy and the kind of target are the same in all versions."""
        return self.objective(self.versions[0])

    @property
    def windows(self) -> Windows:
        """Its windows."""
        return self.any.windows

    def objective(self, version: Version) -> Objective:
        """The objective as a version has it."""
        found = version.objective(self.name)
        assert found is not None
        return found

    def exists(self, span: Segment) -> bool:
        """Whether a window overlaps the effective period of a version."""
        return any(
            v.start < span[1] and (v.until is None or span[0] < v.until) for v in self.versions
        )

    def judge(self, span: Segment) -> Version:
        """The version that judges a window."""
        at = min(self.now, span[1] - 1)
        effective = [v for v in self.versions if v.effective(at)]
        begun = [v for v in self.versions if v.start <= at]
        return (effective or begun[-1:] or self.versions[:1])[0]

    def groups(self) -> list["Row"]:
        """The groups that are listed."""
        found: dict[Group, list[Entry]] = {} if self.any.group_by else {(): []}
        for e in self.entries:
            found.setdefault(e.group, []).append(e)
        return [Row(self, group, entries) for group, entries in sorted(found.items())]

    def rows(self, *, all_windows: bool) -> tuple[list[dict[str, Json]], list[dict[str, Json]]]:
        """The `objectives` and the window `breaches`."""
        objectives, breaches = [], []
        for own in self.groups():
            objectives += [own.shown(span) for span in own.listed(all_windows=all_windows)]
            breaches += own.breaches()
        return objectives, breaches


class Row:
    """A group of an objective, window by window."""

    def __init__(self, promise: Promise, group: Group, entries: list[Entry]) -> None:
        """Take what counts in the group."""
        self.promise, self.group, self.now = promise, group, promise.now
        self.entries = sorted(entries, key=lambda e: e.at)
        self.places = [e.at for e in self.entries]
        self.known: dict[object, Judgement] = {}

    def inside(self, span: Segment) -> list[Entry]:
        """What counts in a window."""
        return self.entries[bisect_left(self.places, span[0]) : bisect_left(self.places, span[1])]

    @cached_property
    def spans(self) -> list[Segment]:
        """Its windows up to the current one: with data, and those that must reach something."""
        promise = self.promise
        found = {s for at in set(self.places) for s in promise.windows.holding(at, self.now)}
        current = promise.windows.current(self.now)
        if promise.any.volume and found:
            span, chain = min(found), []
            while span[0] <= current[0]:
                if promise.exists(span) or span in found:
                    chain.append(span)
                span = promise.windows.following(span)
            found |= set(chain[-LISTED:])
        return sorted(found)

    def listed(self, *, all_windows: bool) -> list[Segment]:
        """The windows that are listed."""
        promise = self.promise
        current = promise.windows.current(self.now)
        found = self.spans
        if isinstance(promise.windows, RollingWindows) and not all_windows:
            found = [s for s in found if s == current]
        if not promise.any.group_by and promise.exists(current):
            found = sorted({*found, current})
        return found

    def judged(self, span: Segment) -> Judgement:
        """What the judging version says of a window; of the same entries it says the same."""
        objective = self.promise.objective(self.promise.judge(span))
        inside = (bisect_left(self.places, span[0]), bisect_left(self.places, span[1]))
        key = (id(objective), *inside)
        if key not in self.known:
            self.known[key] = judged(objective, self.entries[slice(*inside)])
        return self.known[key]

    def final(self, span: Segment) -> bool:
        """Whether nothing but a late event will change it."""
        kpi = self.promise.any.kpi
        if kpi.get("cohort", False):
            within = duration(kpi["within"]) if "within" in kpi else None
            return within is not None and span[1] + within <= self.now
        running = any(e.outcome == "running" for e in self.inside(span))
        return span[1] <= self.now and not running

    def state(self, span: Segment) -> str:
        """The state of a window."""
        version = self.promise.judge(span)
        objective, judgement = self.promise.objective(version), self.judged(span)
        if objective.volume:
            return self._volume(version, objective, span, judgement)
        if not judgement.enough:
            return "no_data"
        if judgement.misses:
            return "breached"
        risky = judgement.consumed is not None and judgement.consumed >= objective.budget_consumed
        return "at_risk" if risky and not self.final(span) else "ok"

    def _volume(
        self, version: Version, objective: Objective, span: Segment, judgement: Judgement
    ) -> str:
        total = self._open(version, *span)
        if total == 0:
            return "excluded"
        if not judgement.misses:
            return "ok"
        if span[1] <= self.now:
            return "breached"
        if objective.pace is not None:
            assert judgement.value is not None
            pace = objective.number("atLeast") * self._open(version, span[0], self.now) / total
            if judgement.value < pace * (1 - objective.pace):
                return "at_risk"
        return "ok"

    def _open(self, version: Version, start: int, end: int) -> int:
        """Open time of the judging version's calendar inside the effective periods."""
        used = 0
        for v in self.promise.versions:
            until = end if v.until is None else min(end, v.until)
            used += length(version.calendar.open(max(start, v.start), until))
        return used

    def breaches(self) -> list[dict[str, Json]]:
        """The window breaches of the group."""
        found: list[Opening] = []
        if isinstance(self.promise.windows, RollingWindows):
            ended = [s for s in self.spans if s[1] <= self.now]
            missing = [s for s in ended if self.state(s) == "breached"]
            found = episodes(self.promise.windows, missing, self.now)
        elif self.promise.any.volume:
            ended = [s for s in self.spans if s[1] <= self.now]
            found = [Opening(s, s[1], s[1]) for s in ended if self.state(s) == "breached"]
        else:
            for span in self.spans:
                objective = self.promise.objective(self.promise.judge(span))
                found += walked(span, objective, self.inside(span), self.now)
        return [
            {
                "scope": "window",
                **self._named(opening.window),
                "opened_at": text(opening.opened),
                "closed_at": None if opening.closed is None else text(opening.closed),
            }
            for opening in found
        ]

    def _named(self, span: Segment) -> dict[str, Json]:
        promise = self.promise
        return {
            "sla_id": "/".join((promise.agreement, promise.name, *map(_encoded, self.group))),
            "agreement": promise.agreement,
            "objective": promise.name,
            "group": dict(zip(promise.any.group_by, self.group, strict=True)),
            "window": {"start": text(span[0]), "end": text(span[1])},
        }

    def shown(self, span: Segment) -> dict[str, Json]:
        """A window as it is printed."""
        version = self.promise.judge(span)
        judgement = self.judged(span)
        return {
            **self._named(span),
            "level": version.level,
            "final": self.final(span),
            "value": decimal(judgement.value),
            "target": self.promise.objective(version).target,
            "state": self.state(span),
            "budget_remaining": decimal(judgement.left),
            "counts": self._counts(self.inside(span)),
        }

    def _counts(self, inside: list[Entry]) -> dict[str, int]:
        n = Counter(e.outcome for e in inside)
        kpi = self.promise.any.kpi
        if kpi["measure"] == "duration":
            return {"eligible": len(inside), **{k: n[k] for k in CLOCK_COUNTS}}
        if kpi["measure"] != "ratio":
            return {"count": len(inside)}
        if kpi.get("cohort", False):
            return {"good": n["good"], "total": len(inside), "pending": n["pending"]}
        return {"good": n["good"], "total": n["total"]}


def _encoded(value: str) -> str:
    return quote(value, safe="").replace("~", "%7E") or "~"
