"""What the running demo says of itself, read over HTTP as anybody would."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from services.cli.api_client import Answer, Api, ApiError
from shared.domain.instant import HOUR, MINUTE, Instant, format_instant, parse_instant

_RECENTLY: Final = 10 * MINUTE
_SHORT: Final = 23 * HOUR
"""Days are at least that long, whatever the clocks do."""
_FINE: Final = "ok"
_SEVERITY: Final = ("breached", "at_risk", "ok", "no_data", "excluded")


@dataclass(frozen=True, slots=True)
class Promise:
    """The current window of one objective and group."""

    sla_id: str
    state: str
    window: str
    value: str
    target: str
    counts: str
    budget: str


@dataclass(frozen=True, slots=True)
class Broken:
    """A breach that opened lately."""

    opened_at: str
    scope: str
    what: str
    is_open: bool


@dataclass(frozen=True, slots=True)
class Status:
    """Everything the screen shows; promises by severity, breaches newest first."""

    as_of: Instant
    promises: Sequence[Promise]
    by_state: Mapping[str, int]
    recent: Sequence[Broken]
    refused: str | None = None
    """Why the documents in the folder are not those in use."""


def refused_documents(evaluator: Api) -> str | None:
    """Why the evaluator does not use the documents that are in its folder, if it does not."""
    try:
        checks = evaluator.get("/readyz")["checks"]
    except ApiError:
        # It has more to say than of its documents; who watches the process tells that.
        return None
    said = checks.get("documents", _FINE) if isinstance(checks, Mapping) else _FINE
    return None if said == _FINE else str(said)


def look(api: Api, *, now: Instant, refused: str | None = None) -> Status:
    """Ask the API for every current state and the breaches of the last minutes."""
    page = api.get("/v1/states", limit=1)
    promises = [_promise(row) for row in api.each("/v1/states")]
    promises.sort(key=lambda own: (_SEVERITY.index(own.state), own.sla_id))
    since = format_instant(now - _RECENTLY)
    recent = [_broken(row) for row in api.each("/v1/breaches", since=since)]
    recent.sort(key=lambda own: (parse_instant(own.opened_at), own.what), reverse=True)
    return Status(
        as_of=parse_instant(str(page["as_of"])),
        promises=promises,
        by_state=Counter(own.state for own in promises),
        recent=recent,
        refused=refused,
    )


def _promise(row: Answer) -> Promise:
    return Promise(
        sla_id=str(row["sla_id"]),
        state=str(row["state"]),
        window=_window(row),
        value=_value(row),
        target=_target(row),
        counts=_counts(row),
        budget="" if row["budget_remaining"] is None else _shortened(str(row["budget_remaining"])),
    )


def _broken(row: Answer) -> Broken:
    what = f"{row['agreement']}/{row['objective']}"
    return Broken(
        opened_at=str(row["opened_at"]),
        scope=str(row["scope"]),
        what=f"{what}  {row['item']}" if row["scope"] == "item" else str(row["sla_id"]),
        is_open=row["closed_at"] is None,
    )


def _window(row: Answer) -> str:
    """Its first date; of one that is shorter than a day its times."""
    start, end = _member(row, "window", "start"), _member(row, "window", "end")
    if parse_instant(end) - parse_instant(start) < _SHORT:
        return f"{start[11:16]}-{end[11:16]}"
    return start[:10]


def _value(row: Answer) -> str:
    """The value; what is promised as a time is one in seconds."""
    if row["value"] is None:
        return ""
    target = row["target"]
    is_time = isinstance(target, Mapping) and {"percentile", "mean"} & target.keys()
    return _shortened(str(row["value"])) + (" s" if is_time else "")


def _counts(row: Answer) -> str:
    counts = row["counts"]
    if not isinstance(counts, Mapping):
        return ""
    if "count" in counts:
        return f"{counts['count']}"
    if "total" in counts:
        pending = f", {counts['pending']} pending" if "pending" in counts else ""
        return f"{counts['good']} of {counts['total']}{pending}"
    missed = counts["breached_open"] + counts["breached_closed"]
    return f"{counts['met']} / {missed} / {counts['running']}"


def _target(row: Answer) -> str:
    target = row["target"]
    if not isinstance(target, Mapping):
        return ""
    return ", ".join(f"{name} {_inline(value)}" for name, value in target.items())


def _inline(value: object) -> str:
    if isinstance(value, Mapping):
        return " ".join(f"{inner} {name}" for name, inner in value.items())
    return str(value)


def _member(row: Answer, name: str, inner: str) -> str:
    value = row[name]
    return str(value[inner]) if isinstance(value, Mapping) else ""


def _shortened(number: str) -> str:
    """At most three digits after the point, cut: the screen is no ledger."""
    whole, point, fraction = number.partition(".")
    return f"{whole}{point}{fraction[:3]}"
