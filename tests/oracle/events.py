"""Events as the oracle reads them: plain json, its own checks."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.oracle.days import instant
from tests.oracle.matching import plain

Json = Any


@dataclass
class Event:
    """One CloudEvent; `line` is where it was read."""

    line: int
    kind: str
    subject: str
    source: str
    id: str
    type: str
    time: int
    data: dict[str, Json]
    sequence: str | None
    replaces: str | None


def events(lines: Iterable[str]) -> tuple[list[Event], list[dict[str, Json]]]:
    """The contents that stand, and what was rejected."""
    standing: dict[object, Event] = {}
    rejected: list[dict[str, Json]] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            event = _event(number, json.loads(line, parse_float=Decimal))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            rejected.append({"line": number, "reason": f"no event: {error!r}"})
            continue
        identity = (event.kind, event.subject, event.source, event.id)
        other = standing.setdefault(identity, event)
        if content(other) == content(event):
            continue
        winner, loser = sorted((other, event), key=content)
        standing[identity] = winner
        rejected.append({"line": loser.line, "reason": "another content has this identity"})
    return list(standing.values()), sorted(rejected, key=lambda r: int(r["line"]))


def _event(line: int, raw: dict[str, Json]) -> Event:
    for name in ("id", "source", "subject", "time", "type", "specversion"):
        if not isinstance(raw[name], str) or not raw[name]:
            raise ValueError(name)
    kind, dot, what = raw["type"].partition(".")
    data = raw.get("data") if raw.get("data") is not None else {}
    if not (kind and dot and what and isinstance(data, dict)):
        raise ValueError(raw["type"])
    extensions = [raw.get("sequence"), raw.get("replaces")]
    if any(not isinstance(x, str | None) for x in extensions):
        raise TypeError(extensions)
    time = instant(raw["time"])
    names = (raw["subject"], raw["source"], raw["id"], raw["type"])
    return Event(line, kind, *names, time, data, *extensions)


def content(event: Event) -> tuple[int, str, str]:
    """What decides which of several contents stands."""
    rest = {"data": event.data, "sequence": event.sequence, "replaces": event.replaces}
    return (event.time, event.type, _canonical({k: v for k, v in rest.items() if v is not None}))


def _canonical(x: Json) -> str:
    """RFC 8785, numbers by exact value (the oracle's events hold plain ones only)."""
    if isinstance(x, dict):
        keys = sorted(x, key=lambda k: k.encode("utf-16-be"))
        return "{" + ",".join(f"{_canonical(k)}:{_canonical(x[k])}" for k in keys) + "}"
    if isinstance(x, list):
        return "[" + ",".join(map(_canonical, x)) + "]"
    if isinstance(x, int | Decimal) and not isinstance(x, bool):
        return plain(x)
    return json.dumps(x, ensure_ascii=False)
