"""What is allowed and hardly meant: each gets its warning, and what looks like it gets none."""

from pathlib import Path

import pytest

from tests.documents.writing import (
    CONVERSION,
    REOPENED,
    RESPONSE,
    first_response,
    kpi,
    loaded,
    promising,
)


def warnings(folder: Path, *documents: str) -> list[str]:
    found = loaded(folder, *documents, RESPONSE, REOPENED, CONVERSION)
    assert found.problems == ()
    return [f"{warning.place.line}: {warning.message}" for warning in found.warnings]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"where": "{actor: agent}"}, "where: the actor belongs to its event"),
        ({"groupBy": "[team, actor]"}, "groupBy: the actor belongs to its event"),
        ({"where": '{team: " a"}'}, '" a" has blanks around it'),
        ({"where": '{"team ": a}'}, '"team " has blanks around it'),
        ({"where": '{team: "a\\u200B"}'}, '"a\\u200b" holds a character that no screen shows'),
        ({"where": '{team: ["\\u202Ea", b]}'}, '"\\u202ea" holds a character'),
        (
            {"where": "{priorty: p1}"},
            'where: "priorty" is not one of the usual attributes; did you',
        ),
        ({"groupBy": "[costumer]"}, 'groupBy: "costumer" is not one of the usual attributes'),
        ({"where": "{customer: hooli}"}, "where: no item matches both this and the agreement's"),
        ({"where": "{customer: {not: [acme, x]}}"}, "where: no item matches both this and"),
        ({"target": "{within: PT1H, ratio: 0}"}, "target: a ratio of 0 can never be missed"),
        (
            {"kpi": "conversion", "target": "{atLeast: 2}"},
            "target: 2 or more good events for each event of the total; did you mean",
        ),
        ({"window": "{calendar: day, timeZone: HST}"}, "timeZone: HST is UTC-10, and knows no"),
    ],
)
def test_it_is_warned_of(tmp_path: Path, changes: dict[str, str], message: str) -> None:
    text = promising(first_response(**changes), more="appliesTo: {customer: acme}\n")
    (found,) = warnings(tmp_path, text)
    assert found.startswith(f"{len(text.splitlines())}: {message}")


@pytest.mark.parametrize(
    "changes",
    [
        {"where": "{customer: acme}"},
        {"where": "{customer: {not: hooli}}"},
        {"where": "{customer: [hooli, acme]}"},
        {"where": '{team: "Zürich 東京"}'},
        {"where": '{team: "a  b"}'},
        {"where": '{team: ""}'},
        {"kpi": "conversion", "target": "{atLeast: 1.99}"},
        {"kpi": "conversion", "target": "{atMost: 2}"},
        {"kpi": "reopened", "target": "{atLeast: 95}"},
        {"target": '{within: PT1H, ratio: "0.0001"}'},
        {"where": "{region: emea, product: a, tier: b, sender: c}"},
    ],
)
def test_it_is_not_warned_of(tmp_path: Path, changes: dict[str, str]) -> None:
    more = "appliesTo: {customer: acme}\n"
    assert warnings(tmp_path, promising(first_response(**changes), more=more)) == []


def test_an_agreement_for_an_actor_is_warned_of(tmp_path: Path) -> None:
    (found,) = warnings(tmp_path, promising(first_response(), more="appliesTo: {actor: bot}\n"))
    assert found.startswith("7: appliesTo: the actor belongs to its event")


@pytest.mark.parametrize(
    ("measure", "last", "message"),
    [
        ("duration", "pause: [{status: x}, {actor: bot}]", "pause: the actor belongs to its event"),
        ("sum", "field: actor", "field: the actor belongs to its event"),
    ],
)
def test_a_kpi_that_looks_for_the_actor_is_warned_of(
    tmp_path: Path, measure: str, last: str, message: str
) -> None:
    milestones = {
        "duration": "start: {event: ticket.a}\nstop: {event: ticket.b, where: {actor: bot}}",
        "sum": "event: {event: ticket.a, where: {actor: bot}}",
    }
    text = kpi(f"item: ticket\nmeasure: {measure}\n{milestones[measure]}\n{last}", "own")
    (found,) = warnings(tmp_path, text)
    assert found.startswith(f"{len(text.splitlines())}: {message}")


def test_an_alternative_that_is_never_reached_is_warned_of(tmp_path: Path) -> None:
    general, special = first_response(name="a"), first_response(name="b", where="{priority: p1}")
    (found,) = warnings(tmp_path, promising(f"{general}\n- {special}"))
    assert found.startswith('10: it never gets a clock, as "a" before it takes every item')
    assert warnings(tmp_path, promising(f"{special}\n- {general}")) == []
    beside = first_response(name="b", where="{priority: p1}", series="other")
    assert warnings(tmp_path, promising(f"{general}\n- {beside}")) == []
    counted = first_response(name="b", kpi="reopened", target="{atMost: 1}")
    assert warnings(tmp_path, promising(f"{counted}\n- {general}")) == []


@pytest.mark.parametrize(
    ("until", "warned"),
    [
        ("2026-06-30T23:59:59Z", True),
        ("2026-06-30T00:00:00Z", True),
        ("2026-07-01T00:00:00Z", False),
        ("2026-06-29T23:59:59Z", False),
    ],
)
def test_versions_that_nearly_meet_are_warned_of(
    tmp_path: Path, until: str, *, warned: bool
) -> None:
    first = f'effective: {{from: "2026-01-01T00:00:00Z", until: "{until}"}}\n'
    second = 'effective: {from: "2026-07-01T00:00:00Z"}\n'
    texts = [promising(first_response(), more=more) for more in (first, second)]
    assert [f"effective: nothing holds from {until}" in w for w in warnings(tmp_path, *texts)] == [
        True
    ] * warned


def test_warnings_come_beside_problems(tmp_path: Path) -> None:
    text = promising(first_response(where='{team: " a"}', colour="red"))
    found = loaded(tmp_path, text, RESPONSE)
    assert found.catalogue is None
    assert len(found.problems) == 1
    assert len(found.warnings) == 1


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("ticket.replyed", "ticket.replied"),
        ("ticket.creatd", "ticket.created"),
        ("ticket.credited", None),
        ("ticket.reassigned", None),
        ("ticket.resolved", None),
        ("order.created", None),
    ],
)
def test_a_type_that_is_nearly_a_usual_one_is_warned_of(
    tmp_path: Path, written: str, meant: str | None
) -> None:
    item = written.partition(".")[0]
    text = kpi(f"item: {item}\nmeasure: count\nevent: {{event: {written}}}", "own")
    expected = [
        f'event: "{written}" is not one of the usual types of events; did you mean "{meant}"?'
    ]
    assert [own.partition(": ")[2] for own in warnings(tmp_path, text)] == (
        expected if meant else []
    )


def test_attributes_of_milestones_and_pauses_are_compared_too(tmp_path: Path) -> None:
    text = kpi(
        "item: ticket\nmeasure: duration\nstart: [{changes: tean}]\n"
        "stop: {event: ticket.solved, where: {actr: agent}}\npause: [{statsu: pending}]",
        "own",
    )
    assert [own.partition(": ")[2].split(" ")[:2] for own in warnings(tmp_path, text)] == [
        ["changes:", '"tean"'],
        ["where:", '"actr"'],
        ["pause:", '"statsu"'],
    ]
