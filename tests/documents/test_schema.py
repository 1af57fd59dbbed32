"""The published schemas: they accept what the loader reads, and refuse what they can express."""

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.documents.catalogue import load_nodes
from shared.documents.loader import parse
from shared.documents.schema import Kind, json_schema, kind_schema
from tests.documents.json_schema import is_valid

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "schema"


def documents(kind: str, *specs: object) -> list[object]:
    return [
        {"apiVersion": "accord/v1", "kind": kind, "metadata": {"name": f"a-{n}"}, "spec": spec}
        for n, spec in enumerate(specs)
    ]


CREATED, WON = {"event": "ticket.created"}, {"event": "ticket.solved", "nth": 2}
CALENDARS = documents(
    "Calendar",
    {
        "timeZone": "Europe/Berlin",
        "weekly": {"mon": ["09:00-12:30", "13:15-24:00"], "sun": []},
        "holidays": {
            "dates": ["2026-04-03"],
            "yearly": ["12-25"],
            "countries": [{"country": "DE", "subdivision": "BE"}, {"country": "US"}],
        },
        "shifts": {"2026-12-24": ["09:00-12:00"]},
    },
)
KPIS = documents(
    "Kpi",
    {
        "item": "ticket",
        "measure": "duration",
        "start": CREATED,
        "stop": [{"event": "ticket.replied", "where": {"actor": "agent"}}, {"changes": "team"}],
        "pause": [{"status": ["pending", 7, None, True]}, {"team": {"not": "a"}}],
        "repeat": True,
        "reopen": "new-cycle",
    },
    {"item": "ticket", "measure": "count", "event": [CREATED, WON], "every": False},
    {"item": "ticket", "measure": "sum", "event": WON, "field": "amount"},
    {"item": "ticket", "measure": "mean", "event": WON, "field": "score"},
    {
        "item": "ticket",
        "measure": "ratio",
        "good": WON,
        "total": [CREATED],
        "cohort": True,
        "within": "P30D",
    },
)


def objective(target: object, window: object, **more: object) -> dict[str, object]:
    return {"name": "o", "kpi": "k", "target": target, "window": window} | more


AGREEMENTS = documents(
    "Agreement",
    *(
        {
            "level": "customer",
            "type": "ola",
            "parties": {"provider": "support", "customer": "acme"},
            "appliesTo": {"customer": "acme", "team": {"not": ["a", None]}},
            "precedence": -3,
            "calendar": "always",
            "effective": {"from": "2026-01-01T00:00:00Z", "until": "2027-01-01T00:00:00+01:00"},
            "objectives": [one],
        }
        for one in (
            objective(
                {"within": "PT1H30M", "ratio": "0.95"},
                {"calendar": "month", "timeZone": "UTC"},
                where={"priority": "p1"},
                minimum="3",
                atRisk={"budgetConsumed": 1, "elapsed": "0.5"},
                onChange="keep",
                attribution="started",
                groupBy=["team"],
                series="x",
            ),
            objective({"within": {"workingDays": 2}}, {"rolling": "P7D", "step": "PT1H"}),
            objective(
                {"percentile": "0.9", "atMost": {"endOfWorkingDay": 0}}, {"tumbling": "PT1H"}
            ),
            objective({"mean": True, "atMost": "P1DT2H"}, {"calendar": "day"}),
            objective({"atLeast": "-2.5"}, {"calendar": "day"}, pace={"tolerance": "0.1"}),
            objective({"atMost": 5}, {"calendar": "day"}, minimum=2),
            objective({"percentile": 0.5, "atMost": "PT1H"}, {"calendar": "day"}),
        )
    ),
)
TAKEN: dict[str, object] = {"id": {"path": "id"}, "subject": {"path": "/ticket/id"}}
TAKEN |= {"time": {"path": "at", "format": "epoch-milliseconds"}, "source": "/desk", "kind": "lead"}
SOURCES = documents(
    "Source",
    {"topic": "tickets", "subjectPrefix": "A-"},
    {
        "topic": "desk.tickets",
        "mapping": TAKEN
        | {
            "type": {"path": "what", "values": {"comment": "replied"}, "otherwise": "skip"},
            "data": {
                "priority": {"path": "ticket.priority", "values": {"1": 7}, "otherwise": "omit"},
                "team": {"path": "each", "required": True},
                "channel": {"value": None},
            },
            "each": {"path": ""},
            "sequence": {"path": "events.0.n"},
        },
    },
    {
        "topic": "desk.tickets",
        "mapping": TAKEN
        | {
            "id": {"path": ["id", "at"]},
            "events": [
                {
                    "name": "solved",
                    "when": {"ticket.status": ["solved", None], "/a~1b": {"not": 1}},
                    "type": "solved",
                    "time": {"path": "then"},
                    "data": {"status": {"value": "solved"}},
                }
            ],
            "otherwise": "skip",
        },
    },
)
CORPUS = [*CALENDARS, *KPIS, *AGREEMENTS, *SOURCES]
OTHERS: list[object] = [
    *(
        ".5",
        "1.",
        "-0",
        "+.0",
        "-.5",
        "1.01",
        "7.0",
        "0",
        "",
        "text",
        "PT1H",
        "0.95",
        "1.0",
        "7",
        "-1",
        "2026-01-01T00:00:00Z",
        "12-25",
        "UTC",
    ),
    *("P1D", "PT", "P", "P1DT", "09:00-10:00", "ticket.created", "lead", "a" * 1001, "9" * 41),
    *(0, 1, 7, -1, 0.5, 2.5, 10**9 + 1, True, False, None, [], {}, ["a", "a"], [[]], {"not": "x"}),
    *({"event": "ticket.created"}, {"workingDays": 1}, {"atMost": 5}, {"mean": True}),
]
BEYOND_A_SCHEMA = re.compile(
    "unknown (time zone|country|subdivision)|is not a (date|time):|ends before it starts|is empty$"
    "|ends after 24:00|overlap|no open time|never happens to|is not after|are named|between .* and"
    "|multiple of the step|are more than|at (least|most) P|whole number of microseconds|longer than"
    "|impossible offset|in UTC outside|is not a date like|is not a day of every year"
    "|begins at an element|itself begins at the payload|the kind is put before|by Accord itself"
)
"""What the loader says of a single document and no schema can."""


OF_OTHERS = re.compile("no (KPI|calendar) is named|(within|atMost): a day has no fixed open time")
"""What depends on other documents, which are not there."""


def places(value: object, at: tuple[object, ...] = ()) -> Iterator[tuple[object, ...]]:
    """Every value inside a document, by its path."""
    members = value.items() if isinstance(value, dict) else ()
    items = enumerate(value) if isinstance(value, list) else ()
    for key, member in (*members, *items):
        yield (*at, key)
        yield from places(member, (*at, key))


def messages(document: object) -> list[str]:
    """What the loader says of one document; names of others are not looked for."""
    nodes, problems = parse(json.dumps(document), "a.yaml")
    found = (problem.message for problem in load_nodes(nodes, problems).problems)
    return [message for message in found if not OF_OTHERS.match(message)]


@st.composite
def mutants(draw: st.DrawFn) -> object:
    """A good document with one or two of its values left out, replaced or added."""
    document = deepcopy(draw(st.sampled_from(CORPUS)))
    for _ in range(draw(st.integers(1, 2))):
        *path, key = draw(st.sampled_from(list(places(document))))
        holder = document
        for step in path:
            holder = holder[step]  # type: ignore[index]
        change = draw(st.sampled_from(("leave out", "replace", "replace", "add")))
        if change == "leave out":
            del holder[key]  # type: ignore[attr-defined]
        elif change == "replace":
            holder[key] = deepcopy(draw(st.sampled_from(OTHERS)))  # type: ignore[index]
        elif isinstance(holder, dict):
            name = draw(st.sampled_from(("colour", "within", "pace", "step", "cohort")))
            holder[name] = deepcopy(draw(st.sampled_from(OTHERS)))
    return document


@pytest.mark.parametrize("document", CORPUS)
def test_a_good_document_is_good_for_both(document: dict[str, str]) -> None:
    assert messages(document) == []
    assert is_valid(json_schema(), document)
    others = [kind for kind in Kind if is_valid(kind_schema(kind), document)]
    assert others == [document["kind"]]


@given(mutants())
@settings(max_examples=500, deadline=None)
def test_a_schema_and_the_loader_agree_as_far_as_a_schema_can_say_it(document: object) -> None:
    said = messages(document)
    valid = is_valid(json_schema(), document)
    if not said:
        assert valid, f"the schema refuses what is read: {json.dumps(document)}"
    elif valid:
        assert all(BEYOND_A_SCHEMA.search(message) for message in said), said


def test_the_published_schemas_are_those_of_the_loader() -> None:
    schemas = {"accord-v1.json": json_schema()}
    schemas |= {f"accord-v1-{kind.lower()}.json": kind_schema(kind) for kind in Kind}
    assert {path.name for path in FOLDER.iterdir()} == set(schemas)
    for name, schema in schemas.items():
        published = json.loads((FOLDER / name).read_text(encoding="utf-8"))
        assert published == schema, "accord check --schema [KIND] > docs/schema/…"
