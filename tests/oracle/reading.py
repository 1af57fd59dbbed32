"""Documents as the oracle reads them: plain PyYAML, its own checks.

It refuses what the worked cases have refused; whatever else is not valid is not its question.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from tests.oracle.days import Calendar, duration, instant
from tests.oracle.matching import holds, listed
from tests.oracle.windows import CalendarWindows, RollingWindows, TumblingWindows, Windows

Json = Any


class RefusedError(Exception):
    """Documents that do not load."""


class Core(yaml.CSafeLoader):
    """YAML 1.2's core schema: no dates, no sexagesimals, no yes and no."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own way


def _resolve(tag: str, pattern: str, first: str) -> None:
    Core.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), list(first))


_resolve("bool", r"^(true|True|TRUE|false|False|FALSE)$", "tTfF")
_resolve("int", r"^([-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", "-+0123456789")
_resolve("float", r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$", "-+.0123456789")
_resolve("null", r"^(~|null|Null|NULL|)$", "~nN")
Core.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^$"), [""])


def _int(_: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    text = node.value
    return int(text, 0) if text.startswith(("0o", "0x")) else int(text)


Core.add_constructor("tag:yaml.org,2002:int", _int)
Core.add_constructor("tag:yaml.org,2002:float", lambda _, node: Decimal(node.value))

KINDS = ("within", "percentile", "mean", "atLeast", "atMost")
STEPS = 2500
FIELDS = {
    "Calendar": {"timeZone", "weekly", "holidays", "shifts"},
    "Kpi": {
        *("item", "measure", "start", "stop", "pause", "repeat", "reopen", "event", "every"),
        *("field", "good", "total", "cohort", "within"),
    },
    "Agreement": {
        *("level", "type", "parties", "appliesTo", "precedence", "calendar", "effective"),
        "objectives",
    },
    "objective": {
        *("name", "kpi", "where", "target", "window", "minimum", "atRisk", "onChange"),
        *("attribution", "pace", "groupBy", "series"),
    },
}


@dataclass
class Objective:
    """One objective of one version; `target` is as written."""

    name: str
    kpi: dict[str, Json]
    where: dict[str, Json]
    target: dict[str, Json]
    windows: Windows
    group_by: list[str]
    minimum: int
    budget_consumed: Fraction
    elapsed: Fraction
    on_change: str
    pace: Fraction | None
    series: object
    started: bool

    @property
    def kind(self) -> str:
        """The kind of its target."""
        found = [k for k in KINDS if k in self.target]
        return found[0]

    def number(self, name: str) -> Fraction:
        """A number of its target."""
        return Fraction(str(self.target[name]))

    @property
    def limit(self) -> Json:
        """The target of its clocks as written, None where they have none."""
        name = {"within": "within", "percentile": "atMost"}.get(self.kind)
        return None if name is None else self.target[name]

    @property
    def volume(self) -> bool:
        """Whether so much is to be reached, in every window."""
        return self.kind == "atLeast" and self.kpi["measure"] in {"count", "sum"}


@dataclass
class Version:
    """One Agreement document."""

    name: str
    level: str
    type: str
    applies_to: dict[str, Json]
    precedence: int
    calendar: Calendar
    start: int
    until: int | None
    objectives: list[Objective]

    def effective(self, at: int) -> bool:
        """Whether `at` is in `[from, until)`."""
        return self.start <= at and (self.until is None or at < self.until)

    def objective(self, name: str) -> Objective | None:
        """Its objective of that name."""
        return next((o for o in self.objectives if o.name == name), None)


@dataclass
class Books:
    """All documents: agreements by name, versions in the order of time."""

    agreements: dict[str, list[Version]] = field(default_factory=dict)


def documents(texts: Iterable[str]) -> list[dict[str, Json]]:
    """Every document of some YAML texts."""
    found = []
    for text in texts:
        try:
            found += [d for d in yaml.load_all(text, Core) if d is not None]
        except yaml.YAMLError as error:
            raise RefusedError(str(error)) from error
    return found


def folder(path: Path) -> Iterator[str]:
    """The texts of a folder's YAML files, or of one file."""
    files = sorted(p for p in path.rglob("*") if p.suffix in {".yaml", ".yml"})
    for file in files if path.is_dir() else [path]:
        yield file.read_text(encoding="utf-8")


def books(docs: Iterable[dict[str, Json]]) -> Books:
    """The documents understood, or `RefusedError`."""
    try:
        return _books(list(docs))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        message = f"{type(error).__name__}: {error}"
        raise RefusedError(message) from error


def _known(kind: str, mapping: dict[str, Json]) -> dict[str, Json]:
    if unknown := set(mapping) - FIELDS[kind]:
        message = f"{kind}: unknown: {unknown}"
        raise RefusedError(message)
    return mapping


def _books(docs: list[dict[str, Json]]) -> Books:
    specs: dict[str, list[tuple[str, dict[str, Json]]]] = {k: [] for k in FIELDS}
    for doc in docs:
        name = doc["metadata"]["name"]
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", name):
            message = f"name {name!r}"
            raise RefusedError(message)
        specs[doc["kind"]].append((name, _known(doc["kind"], doc["spec"])))
    calendars = {name: Calendar(spec) for name, spec in specs["Calendar"]}
    calendars["always"] = Calendar(None)
    kpis = {name: {"name": name, **spec} for name, spec in specs["Kpi"]}
    result = Books()
    for name, spec in specs["Agreement"]:
        result.agreements.setdefault(name, []).append(_version(name, spec, calendars, kpis))
    for versions in result.agreements.values():
        versions.sort(key=lambda v: v.start)
        _agree(versions)
    _unambiguous([v for versions in result.agreements.values() for v in versions])
    return result


def _version(
    name: str, spec: dict[str, Json], calendars: dict[str, Calendar], kpis: dict[str, Json]
) -> Version:
    calendar = calendars[spec.get("calendar", "always")]
    until = spec["effective"].get("until")
    version = Version(
        name,
        spec["level"],
        spec.get("type", "sla"),
        spec.get("appliesTo", {}),
        spec.get("precedence", 0),
        calendar,
        instant(spec["effective"]["from"]),
        None if until is None else instant(until),
        [_objective(_known("objective", o), calendar, kpis) for o in spec["objectives"]],
    )
    if version.until is not None and version.until <= version.start:
        message = f"{name}: until is not after from"
        raise RefusedError(message)
    return version


def _objective(spec: dict[str, Json], calendar: Calendar, kpis: dict[str, Json]) -> Objective:
    risk, pace = spec.get("atRisk", {}), spec.get("pace")
    series: object = ("alone", spec["name"])
    if "within" in spec["target"]:
        series = ("series", spec["kpi"], spec.get("series"))
    found = Objective(
        spec["name"],
        kpis[spec["kpi"]],
        spec.get("where", {}),
        spec["target"],
        _windows(spec["window"], calendar),
        spec.get("groupBy", []),
        spec.get("minimum", 1),
        Fraction(str(risk.get("budgetConsumed", "0.8"))),
        Fraction(str(risk.get("elapsed", "0.8"))),
        spec.get("onChange", "carry"),
        None if pace is None else Fraction(str(pace.get("tolerance", 0))),
        series,
        spec.get("attribution", "decided") == "started",
    )
    clocks = found.kpi["measure"] == "duration"
    if clocks != (found.kind in {"within", "percentile", "mean"}):
        message = f"objective {found.name}: no target of a {found.kpi['measure']}"
        raise RefusedError(message)
    day = re.fullmatch(r"P\d+D", str(found.limit or found.target.get("atMost")))
    if day and not calendar.always:
        message = f"objective {found.name}: a day is no length of open time"
        raise RefusedError(message)
    return found


def _windows(spec: dict[str, Json], calendar: Calendar) -> Windows:
    if "calendar" in spec:
        return CalendarWindows(spec["calendar"], spec.get("timeZone", calendar.zone))
    if "tumbling" in spec:
        return TumblingWindows(_length(spec["tumbling"]))
    found = RollingWindows(_length(spec["rolling"]), _length(spec["step"]))
    if found.length % found.step or found.length > STEPS * found.step:
        message = f"window {spec}: not a multiple, or too many steps"
        raise RefusedError(message)
    return found


def _length(text: str) -> int:
    found = duration(text)
    if not found:
        raise ValueError(text)
    return found


def _agree(versions: list[Version]) -> None:
    for one, other in pairwise(versions):
        if one.until is None or one.until > other.start:
            message = f"{one.name}: versions overlap"
            raise RefusedError(message)
    kept: dict[str, object] = {}
    for version in versions:
        for o in version.objectives:
            same = (o.kpi["name"], o.windows, tuple(o.group_by), o.kind)
            if kept.setdefault(o.name, same) != same:
                message = f"{version.name}/{o.name}: differs between versions"
                raise RefusedError(message)


def _unambiguous(versions: list[Version]) -> None:
    for i, a in enumerate(versions):
        for b in versions[i + 1 :]:
            rank = (a.type, a.level, a.precedence) == ("sla", b.level, b.precedence)
            meet = (b.until is None or a.start < b.until) and (a.until is None or b.start < a.until)
            if a.name == b.name or b.type != "sla" or not rank or not meet:
                continue
            for x in a.objectives:
                for y in b.objectives:
                    conditions = [a.applies_to, x.where, b.applies_to, y.where]
                    if x.kpi is y.kpi and not _exclude(conditions):
                        message = f"{a.name}/{x.name} and {b.name}/{y.name} could both bind"
                        raise RefusedError(message)


def _exclude(conditions: list[dict[str, Json]]) -> bool:
    for name in {n for c in conditions for n in c}:
        wants = [c[name] for c in conditions if name in c]
        allowed = [listed(w) for w in wants if not isinstance(w, dict)]
        if allowed and not any(all(holds(w, v) for w in wants) for v in allowed[0]):
            return True
    return False
