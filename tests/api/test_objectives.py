"""Which objectives are meant: sla_ids as written and as decoded, and filters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.answering.parameters import BreachesParameters, StatesParameters
from services.api.answering.requests import filter_hint, the_groups
from services.api.reading.objectives import Filters, Objectives
from services.api.web.problems import Refusal
from shared.domain.agreement import sla_id
from shared.wire.groups import group_of, group_text
from tests.api.stored import NOW, a_catalogue

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@pytest.fixture(scope="module")
def objectives(tmp_path_factory: pytest.TempPathFactory) -> Objectives:
    return Objectives(a_catalogue(tmp_path_factory.mktemp("documents")))


def test_objectives_come_by_agreement_then_name(objectives: Objectives) -> None:
    assert objectives.keys == [
        "acme-support/first-response-p1",
        "everyone/leads",
        "everyone/response",
        "hosting-desk/response",
    ]


@given(values=st.tuples(TEXTS, TEXTS))
def test_every_group_is_found_by_its_sla_id(
    objectives: Objectives, values: tuple[str, str]
) -> None:
    group = objectives.group(sla_id("everyone", "response", values))
    assert group is not None
    assert group.values == values
    assert group_of(group.stored) == values


@pytest.mark.parametrize(
    "text",
    [
        "",
        "everyone",
        "everyone/nothing",
        "everyone/response",
        "everyone/response/acme",
        "everyone/response/acme/",
        "everyone/response/acme/a/b",
        "everyone/leads/acme",
        "everyone/leads/",
    ],
)
def test_an_sla_id_that_no_objective_can_have_names_nothing(
    objectives: Objectives, text: str
) -> None:
    assert objectives.group(text) is None


def test_groups_are_stored_as_json() -> None:
    assert group_text(("a b", 'ü"', "😀")) == '["a b","ü\\"","😀"]'


def test_a_customer_is_found_by_party_and_by_group_value(objectives: Objectives) -> None:
    chosen = objectives.choose(Filters(customer=["acme"]), NOW)
    assert [(choice.served.key, choice.customer_at) for choice in chosen] == [
        ("acme-support/first-response-p1", None),
        ("everyone/response", 0),
    ]


def test_a_service_is_found_by_what_a_matcher_asks_for(objectives: Objectives) -> None:
    chosen = objectives.choose(Filters(service=["email"]), NOW)
    assert [choice.served.key for choice in chosen] == ["acme-support/first-response-p1"]


@pytest.mark.parametrize(
    ("sla_id", "says"),
    [
        ("everyone", "'everyone' is an agreement; its objectives are everyone/leads, everyone/res"),
        ("everyon/", "no agreement is named 'everyon'; did you mean 'everyone'?"),
        ("everyone/leeds", "the objective 'everyone/leeds'; did you mean 'everyone/leads'?"),
    ],
)
def test_what_is_no_sla_id_is_told_what_it_lacks(
    objectives: Objectives, sla_id: str, says: str
) -> None:
    with pytest.raises(Refusal) as refused:
        the_groups(objectives, [sla_id])
    assert says in refused.value.detail


@pytest.mark.parametrize(
    ("filters", "hint"),
    [
        ({}, None),
        ({"agreement": ["everyone"], "objective": ["leads"], "customer": ["new"]}, None),
        ({"sla_id": ["everyone/leads", "everyone/response/new/~"]}, None),
        (
            {"agreement": ["everyone", "everyon"]},
            "agreement: no document is named 'everyon'; did you mean 'everyone'?",
        ),
        (
            {"objective": ["zzz"], "sla_id": ["everyone/lead"]},
            (
                "objective: no agreement has one named 'zzz'; sla_id: no agreement has the "
                "objective 'everyone/lead'; did you mean 'everyone/leads'?"
            ),
        ),
        (
            {"item": ["T-1", "ticket:T-1"]},
            "item: 'T-1' has no kind; an item is kind:subject, like ticket:T-9",
        ),
    ],
)
def test_filters_that_name_nothing_are_spoken_of(
    objectives: Objectives, filters: dict[str, list[str]], hint: str | None
) -> None:
    shape = BreachesParameters if "item" in filters else StatesParameters
    wanted = shape.model_validate(filters)
    readings = [[own] for own in filters.get("sla_id", [])]
    assert filter_hint(objectives, wanted, readings) == hint


def test_of_many_names_that_are_nothing_the_first_are_spoken_of(objectives: Objectives) -> None:
    wanted = StatesParameters.model_validate({"agreement": [f"none-{n}" for n in range(500)]})
    hint = filter_hint(objectives, wanted, [])
    assert hint is not None
    assert hint.count("no document is named") == 3
