"""The worked cases: each `*.yaml` here is a list of scenarios; one runner reads them all.

    documents: [{kind, name, ...spec}]      for every scenario of the file
    scenarios:
      - it: what holds, as a sentence
        documents: [...]                    more of them (`alone: true`: only these)
        events: |                           one a line: time, subjects, what happens, attributes
          09:00 T-1,T-2 created team=a      `lead:L-1` is a lead; a value is JSON, else text
          09:10 T-1 replied @id=r           `@name=...` sets a member of the event itself
          = {"specversion": ...             a line as it is
        at: 12:00                           when it is evaluated
        clocks, windows, breaches: [...]    all of them, in order (`some: [clocks]`: among others)
        rejected: 1                         how many lines are; 0 unless said
        refused: true                       the documents do not load

An entry is `who: facts`; only the facts that are written are compared. Instants are those of
2026-03-02, UTC: `09:00`, `03-07 09:00` or written out; a range is `09:00..09:45`, open `09:00..`.
"""

import json
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.cli.evaluate import evaluate_lines
from shared.domain.instant import parse_instant
from shared.wire import results
from tests.oracle import evaluate as oracle
from tests.oracle.days import instant
from tests.oracle.differences import catalogue
from tests.oracle.reading import RefusedError

Json = Any
Order = Callable[[list[str]], list[str]]
Way = Callable[[str, list[str], str], str]
HERE = Path(__file__).parent
AGREEMENT = {
    "level": "customer",
    "parties": {"provider": "support", "customer": "acme"},
    "effective": {"from": "2026-01-01T00:00:00Z"},
}
INSTANT = r"(?:(\d\d-\d\d) )?(\d\d:\d\d)(:\d\d(?:\.\d+)?)?"
STATES = ["running", "paused", "met", "breached_open", "breached_closed", "cancelled", "superseded"]
JUDGED = ["ok", "at_risk", "breached", "no_data", "excluded"]
NAMES = {"due": "due_at", "last": "due_last", "broken": "breached_at"}
SECONDS = {
    "elapsed": "elapsed_s",
    "paused": "paused_s",
    "left": "remaining_s",
    "target": "target_s",
}


def written_out(short: str) -> str:
    """An instant in full."""
    found = re.fullmatch(INSTANT, short)
    return f"2026-{found[1] or '03-02'}T{found[2]}{found[3] or ':00'}Z" if found else short


def document(short: dict[str, Json]) -> dict[str, Json]:
    """A document of the contract; what each needs and no scenario is about is filled in."""
    kind, name, spec = short["kind"], short["name"], dict(short)
    del spec["kind"], spec["name"]
    if kind == "Kpi":
        spec = {"item": "ticket"} | spec
    if kind == "Agreement":
        spec = AGREEMENT | spec
        spec["effective"] = {k: written_out(v) for k, v in spec["effective"].items()}
        spec["objectives"] = [{"window": {"calendar": "month"}} | o for o in spec["objectives"]]
    return {"apiVersion": "accord/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def event_lines(text: str) -> list[str]:
    """The lines of an NDJSON file."""
    found: list[str] = []
    for line in text.splitlines():
        if line.startswith("="):
            found.append(line[1:].strip())
            continue
        when = re.match(rf"({INSTANT}|\S+) ", line)
        assert when, line
        subjects, what, *facts = line[when.end() :].split()
        for subject in subjects.split(","):
            found.append(_event(len(found) + 1, (written_out(when[1]), subject, what), facts))
    return found


def _event(number: int, head: tuple[str, str, str], facts: list[str]) -> str:
    time, subject, what = head
    kind, colon, name = subject.rpartition(":")
    pairs = [fact.split("=", 1) for fact in facts]
    event = {"specversion": "1.0", "id": f"n-{number}", "source": "/desk", "subject": name}
    event |= {"type": f"{kind if colon else 'ticket'}.{what}", "time": time}
    event |= {name[1:]: value for name, value in pairs if name.startswith("@")}
    data = {name: _value(value) for name, value in pairs if not name.startswith("@")}
    return json.dumps({**event, "data": data})


def _value(text: str) -> Json:
    try:
        return json.loads(text)
    except ValueError:
        return text


def seconds(text: str) -> Decimal | None:
    """`1h30m`, `45m`, `-10s`, `0.5s` or `none`."""
    if text == "none":
        return None
    found = re.fullmatch(r"(-?)(?:(\d+)h)?(?:(\d+)m)?(?:([\d.]+)s)?", text)
    assert found, text
    size = int(found[2] or 0) * 3600 + int(found[3] or 0) * 60 + Decimal(found[4] or 0)
    return -size if found[1] else size


def _ends(fact: str, names: tuple[str, str]) -> dict[str, Json]:
    first, last = (end.strip() for end in fact.split(".."))
    return {names[0]: written_out(first), names[1]: written_out(last) if last else None}


def clock(who: str, facts: list[str]) -> dict[str, Json]:
    """`T-1 a/o 1: met, 09:00..09:45, elapsed 45m, due 10:00, binding`."""
    item, objective, cycle = who.split()
    kind, colon, subject = item.rpartition(":")
    want: dict[str, Json] = {"item": f"{kind if colon else 'ticket'}:{subject}"}
    want["agreement"], want["objective"] = objective.split("/")
    want["cycle"] = int(cycle)
    for fact in facts:
        word, _, rest = fact.partition(" ")
        if ".." in fact:
            want |= _ends(fact, ("started_at", "stopped_at"))
        elif word in STATES and not rest:
            want["state"] = word
        elif word in SECONDS:
            want[SECONDS[word]] = seconds(rest)
        elif word in NAMES:
            want[NAMES[word]] = None if rest == "none" else written_out(rest)
        else:
            assert word in ("at_risk", "binding", "not"), fact
            want[rest or word] = word != "not"
    return want


def window(who: str, facts: list[str]) -> dict[str, Json]:
    """`a/o 03-01 00:00: breached, value 0.5, budget -1, met 1, final, ends 04-01 00:00`."""
    sla_id, start = who.split(" ", 1)
    want: dict[str, Json] = {"sla_id": sla_id, "window": {"start": written_out(start)}}
    counts: dict[str, Json] = {}
    for fact in facts:
        word, _, rest = fact.partition(" ")
        if word in JUDGED and not rest:
            want["state"] = word
        elif word in ("final", "open"):
            want["final"] = word == "final"
        elif word in ("value", "budget"):
            name = "value" if word == "value" else "budget_remaining"
            want[name] = None if rest == "none" else rest
        elif word == "ends":
            want["window"]["end"] = written_out(rest)
        elif word == "level":
            want["level"] = rest
        else:
            counts[word] = Decimal(rest)
    return want | ({"counts": counts} if counts else {})


def breach(who: str, facts: list[str]) -> dict[str, Json]:
    """`T-1 a/o: 10:00..10:30` of an item, `a/o 03-01 00:00: 10:00..` of a window."""
    first, rest = who.split(" ", 1)
    ends = _ends(facts[0], ("opened_at", "closed_at"))
    if "/" in first:
        return {"scope": "window", "sla_id": first, "window": {"start": written_out(rest)}, **ends}
    agreement, objective = rest.split("/")
    item = {"item": f"ticket:{first}", "agreement": agreement, "objective": objective}
    return {"scope": "item", **item, **ends}


READERS = {"clocks": clock, "windows": window, "breaches": breach}


def has(got: Json, want: Json) -> bool:
    """Whether everything that is wanted is there."""
    if isinstance(want, dict):
        return all(k in got and has(got[k], v) for k, v in want.items())
    return bool(got == want) and isinstance(got, bool) == isinstance(want, bool)


def scenarios() -> list[Any]:
    """Every scenario of every file."""
    found = []
    for path in sorted(HERE.glob("*.yaml")):
        file = yaml.safe_load(path.read_text(encoding="utf-8"))
        for one in file["scenarios"]:
            given = [] if one.get("alone") else file.get("documents", [])
            own = {**one, "documents": [*given, *one.get("documents", [])]}
            found.append(pytest.param(own, id=f"{path.stem}: {one['it']}"))
    return found


def by_product(text: str, lines: list[str], now: str) -> str:
    """What `accord evaluate` answers."""
    encoded = [line.encode() for line in lines]
    found = evaluate_lines(catalogue(text), encoded, now=parse_instant(now))
    return results.encode(found).decode()


def by_oracle(text: str, lines: list[str], now: str) -> str:
    """What the independent oracle answers."""
    return oracle.dump(oracle.evaluate([text], lines, instant(now)))


def forwards(lines: list[str]) -> list[str]:
    return lines


def backwards(lines: list[str]) -> list[str]:
    return lines[::-1]


@pytest.mark.parametrize("way", [by_product, by_oracle])
@pytest.mark.parametrize("order", [forwards, backwards])
@pytest.mark.parametrize("scenario", scenarios())
def test_a_worked_case_holds(scenario: dict[str, Json], order: Order, way: Way) -> None:
    text = "\n---\n".join(json.dumps(document(d)) for d in scenario["documents"])
    now = written_out(scenario.get("at", "12:00"))
    if scenario.get("refused"):
        with pytest.raises(RefusedError):
            way(text, [], now)
        return
    lines = order(event_lines(scenario.get("events", "")))
    got = json.loads(way(text, lines, now), parse_float=Decimal, parse_int=Decimal)
    assert len(got["rejected"]) == scenario.get("rejected", 0), got["rejected"]
    got["windows"] = got["objectives"]
    for part, reader in READERS.items():
        if part not in scenario:
            continue
        wants = [reader(*_split(entry)) for entry in scenario[part]]
        rows = list(got[part])
        if part in scenario.get("some", []):
            for want in wants:
                assert any(has(row, want) for row in rows), (want, rows)
            continue
        assert len(rows) == len(wants), rows
        for row, want in zip(rows, wants, strict=True):
            assert has(row, want), (want, row)


def _split(entry: str) -> tuple[str, list[str]]:
    who, _, facts = entry.partition(": ")
    return who, [fact.strip() for fact in facts.split(",") if fact.strip()]
