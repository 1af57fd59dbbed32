"""Documents beside each other: names, versions, ambiguities."""

from pathlib import Path

import pytest

from shared.domain.matcher import Matcher
from tests.documents.writing import (
    OFFICE,
    REOPENED,
    RESPONSE,
    calendar,
    catalogue,
    first_response,
    loaded,
    problems,
    promising,
)

FIRST_HALF = 'effective: {from: "2026-01-01T00:00:00Z", until: "2026-07-01T00:00:00Z"}\n'
SECOND_HALF = 'effective: {from: "2026-07-01T00:00:00Z"}\n'


def test_one_name_for_two_kpis_is_refused(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, RESPONSE, RESPONSE)
    assert found[0] == len(RESPONSE.splitlines()) + 4
    assert found[1].startswith('there is already a Kpi "response" in ')
    assert found[1].endswith(".yaml:3")


def test_a_kpi_and_a_calendar_may_share_a_name(tmp_path: Path) -> None:
    both = calendar('timeZone: UTC\nweekly: {mon: ["09:00-17:00"]}', name="response")
    assert problems(tmp_path, RESPONSE, both) == []


def test_the_name_always_is_taken(tmp_path: Path) -> None:
    mine = calendar('timeZone: UTC\nweekly: {mon: ["09:00-17:00"]}', name="always")
    (found,) = problems(tmp_path, mine)
    assert found == (3, 'the calendar "always" is built in; choose another name')


def test_who_names_a_refused_document_is_not_refused_for_it(tmp_path: Path) -> None:
    bad_calendar = OFFICE.replace("Europe/Berlin", "Europe/Bonn")
    bad_kpi = RESPONSE.replace("measure: duration", "measure: time")
    text = promising(first_response(), more="calendar: office\n")
    found = problems(tmp_path, text, bad_calendar, bad_kpi)
    assert [message.partition(":")[0] for _, message in found] == ["timeZone", "measure"]


def test_versions_follow_each_other(tmp_path: Path) -> None:
    later = promising(first_response(target="{within: PT30M}"), more=SECOND_HALF)
    earlier = promising(first_response(), more=FIRST_HALF)
    (found,) = catalogue(tmp_path, later, earlier, RESPONSE).agreements.values()
    assert [version.until is None for version in found.versions] == [False, True]


def test_versions_that_overlap_are_refused(tmp_path: Path) -> None:
    until = FIRST_HALF.replace("07-01T00:00:00Z", "07-01T00:00:01Z")
    text = promising(first_response(), more=until)
    found = problems(tmp_path, text, promising(first_response(), more=SECOND_HALF), RESPONSE)
    ((line, message),) = found
    assert line == len(text.splitlines()) + 1 + 7
    assert 'this version of "acme" overlaps the one from 2026-01-01T00:00:00Z' in message


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"kpi": "other"}, "kpi"),
        ({"window": "{calendar: week}"}, "window"),
        ({"window": "{calendar: month, timeZone: Europe/Berlin}"}, "window"),
        ({"groupBy": "[team]"}, "groupBy"),
        ({"window": "{tumbling: PT1H}"}, "window"),
        ({"kpi": "reopened", "target": "{atMost: 5}"}, "kind of target"),
        ({"target": "{percentile: 1, atMost: PT1H}"}, "kind of target"),
        ({"target": "{mean: true, atMost: PT1H}"}, "kind of target"),
    ],
)
def test_an_objective_stays_what_it_is_in_all_versions(
    tmp_path: Path, changes: dict[str, str], what: str
) -> None:
    other = RESPONSE.replace("{name: response}", "{name: other}")
    first = promising(first_response(), more=FIRST_HALF)
    second = promising(first_response(**changes), more=SECOND_HALF)
    found = problems(tmp_path, RESPONSE, REOPENED, other, first, second)
    assert any(f"keeps its {what} in all versions" in message for _, message in found)


@pytest.mark.parametrize(
    ("kpi", "one", "other"),
    [
        ("reopened", "{atLeast: 5}", "{atMost: 5}"),
        ("response", "{percentile: 0.5, atMost: PT1H}", "{mean: true, atMost: PT1H}"),
    ],
)
def test_a_target_of_another_kind_is_another_promise(
    tmp_path: Path, kpi: str, one: str, other: str
) -> None:
    first = promising(first_response(kpi=kpi, target=one), more=FIRST_HALF)
    second = promising(first_response(kpi=kpi, target=other), more=SECOND_HALF)
    ((_, message),) = problems(tmp_path, RESPONSE, REOPENED, first, second)
    assert "keeps its kind of target in all versions" in message


@pytest.mark.parametrize(
    ("kpi", "one", "other"),
    [
        ("reopened", "{atLeast: 5}", "{atLeast: 6}"),
        ("response", "{within: PT1H}", "{within: {workingDays: 1}, ratio: 0.5}"),
        ("response", "{percentile: 0.5, atMost: PT1H}", "{percentile: 1, atMost: PT2H}"),
        ("response", "{mean: true, atMost: PT1H}", "{mean: true, atMost: PT2H}"),
    ],
)
def test_a_target_of_the_same_kind_is_the_same_promise(
    tmp_path: Path, kpi: str, one: str, other: str
) -> None:
    first = promising(first_response(kpi=kpi, target=one), more=FIRST_HALF)
    second = promising(first_response(kpi=kpi, target=other), more=SECOND_HALF)
    assert problems(tmp_path, RESPONSE, REOPENED, first, second) == []


def test_the_zone_of_another_calendar_is_another_window(tmp_path: Path) -> None:
    first = promising(first_response(), more=FIRST_HALF)
    second = promising(first_response(), more=f"{SECOND_HALF}calendar: office\n")
    ((_, message),) = problems(tmp_path, RESPONSE, OFFICE, first, second)
    assert message.startswith('window: the objective "first-response" keeps its window')


def rivals(one: str, other: str, **changes: str) -> tuple[str, str]:
    return (
        promising(first_response(**changes), name="a", more=one),
        promising(first_response(), name="b", more=other),
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("", ""),
        ("appliesTo: {customer: acme}\n", "appliesTo: {service: mail}\n"),
        ("appliesTo: {customer: [acme, hooli]}\n", "appliesTo: {customer: [hooli, globex]}\n"),
        ("appliesTo: {customer: {not: acme}}\n", "appliesTo: {customer: {not: hooli}}\n"),
        ("appliesTo: {customer: {not: acme}}\n", ""),
        ("appliesTo: {size: 1}\n", "appliesTo: {size: 1.0}\n"),
        (FIRST_HALF, FIRST_HALF),
        ("precedence: 1\n", "precedence: 1\n"),
    ],
)
def test_two_promises_that_could_both_bind_are_refused(
    tmp_path: Path, one: str, other: str
) -> None:
    first, second = rivals(one, other)
    ((line, message),) = problems(tmp_path, first, second, RESPONSE)
    assert line == len(first.splitlines()) + 1 + len(second.splitlines())
    assert message.startswith('"b/first-response" and "a/first-response" (')
    assert "could both bind one item" in message


@pytest.mark.parametrize(
    ("one", "other", "changes"),
    [
        ("appliesTo: {customer: acme}\n", "appliesTo: {customer: hooli}\n", {}),
        ("appliesTo: {customer: acme}\n", "appliesTo: {customer: {not: acme}}\n", {}),
        ("appliesTo: {customer: null}\n", "appliesTo: {customer: acme}\n", {}),
        ("appliesTo: {size: 1}\n", 'appliesTo: {size: "1"}\n', {}),
        ("", "appliesTo: {priority: p1}\n", {"where": "{priority: p2}"}),
        (
            "appliesTo: {customer: [acme, hooli]}\n",
            "appliesTo: {customer: hooli}\n",
            {"where": "{customer: {not: hooli}}"},
        ),
        ("", "precedence: 1\n", {}),
        ("type: ola\n", "", {}),
        (FIRST_HALF, SECOND_HALF, {}),
        ("", "", {"kpi": "reopened", "target": "{atMost: 1}"}),
    ],
)
def test_promises_that_exclude_each_other_are_fine(
    tmp_path: Path, one: str, other: str, changes: dict[str, str]
) -> None:
    assert problems(tmp_path, *rivals(one, other, **changes), RESPONSE, REOPENED) == []


def test_of_many_customers_only_those_who_meet_are_refused(tmp_path: Path) -> None:
    texts = [
        promising(
            first_response(), name=f"a-{number}", more=f"appliesTo: {{customer: c-{number % 30}}}\n"
        )
        for number in range(32)
    ]
    found = problems(tmp_path, *texts, RESPONSE)
    assert [message.partition(" (")[0] for _, message in found] == [
        '"a-30/first-response" and "a-0/first-response"',
        '"a-31/first-response" and "a-1/first-response"',
    ]


def test_of_many_alike_all_but_the_first_are_refused(tmp_path: Path) -> None:
    texts = [promising(first_response(), name=f"a-{number}") for number in range(4)]
    found = problems(tmp_path, *texts, RESPONSE)
    assert [message.partition(" (")[0] for _, message in found] == [
        f'"a-{number}/first-response" and "a-0/first-response"' for number in (1, 2, 3)
    ]


@pytest.mark.parametrize(
    "applies_to",
    [
        "{customer: c-@}",
        "{customer: acme, service: s-@}",
        "{service: s-@, customer: {not: hooli}}",
        "{customer: [c-@, d-@]}",
        "{}",
    ],
)
def test_each_promise_is_held_beside_few_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, applies_to: str
) -> None:
    held = []
    excludes = Matcher.excludes

    def counting(one: Matcher, other: Matcher) -> bool:
        held.append(one)
        return excludes(one, other)

    monkeypatch.setattr(Matcher, "excludes", counting)
    text = promising(first_response(), name="a-@", more=f"appliesTo: {applies_to}\n")
    documents = [text.replace("@", str(number)) for number in range(300)]
    loaded(tmp_path, *documents, RESPONSE)
    assert len(held) <= 3 * 300


def test_another_level_is_no_rival(tmp_path: Path) -> None:
    one = promising(first_response(), name="a")
    other = promising(first_response(), name="b").replace("level: customer", "level: service")
    assert problems(tmp_path, one, other, RESPONSE) == []


def test_an_unknown_name_shows_those_that_there_are(tmp_path: Path) -> None:
    ((_, message),) = problems(tmp_path, promising(first_response(kpi="xyz")), RESPONSE)
    assert message == 'no KPI is named "xyz"; there are response, those built in'
