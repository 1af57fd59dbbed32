"""Agreements: versions in time, who judges, and the identity of a group."""

import pytest

from shared.domain.agreement import Level, objective_id, sla_id
from tests.domain.building import a_version, an_agreement, an_objective, at

BOTH = an_agreement(
    a_version(an_objective("o"), an_objective("p"), start="01-01 00:00", until="02-01 00:00"),
    a_version(an_objective("o"), an_objective("q"), start="03-01 00:00", until="04-01 00:00"),
)


@pytest.mark.parametrize(
    ("time", "version"),
    [
        ("2025-12-31T23:59:59Z", None),
        ("01-01 00:00", 0),
        ("02-01 00:00", None),
        ("03-01 00:00", 1),
        ("2026-03-31T23:59:59.999999Z", 1),
        ("04-01 00:00", None),
    ],
)
def test_a_version_is_effective_from_its_start_up_to_its_end(
    time: str, version: int | None
) -> None:
    assert BOTH.version_at(at(time)) == (None if version is None else BOTH.versions[version])


@pytest.mark.parametrize(
    ("objective", "time", "version"),
    [
        ("o", "01-15 00:00", 0),
        ("o", "02-15 00:00", 0),
        ("o", "03-15 00:00", 1),
        ("o", "04-15 00:00", 1),
        ("p", "03-15 00:00", 0),
        ("q", "01-15 00:00", 1),
        ("o", "2025-01-01T00:00:00Z", 0),
    ],
)
def test_where_none_is_effective_the_latest_begun_that_has_it_judges_else_the_first(
    objective: str, time: str, version: int
) -> None:
    assert BOTH.judging(objective, at(time))[0] == BOTH.versions[version]


def test_an_objective_that_no_version_has_is_unknown() -> None:
    with pytest.raises(KeyError):
        BOTH.judging("r", at("09:00"))


def test_its_objectives_are_those_of_all_versions_once() -> None:
    assert BOTH.objective_names == ("o", "p", "q")


def test_an_id_encodes_what_is_no_plain_character_and_shows_an_empty_value_as_a_tilde() -> None:
    assert sla_id("a", "o") == objective_id("a", "o") == "a/o"
    assert sla_id("a", "o", ("", "~", "Ä/b c", "A-z0._")) == "a/o/~/%7E/%C3%84%2Fb%20c/A-z0._"


def test_service_is_more_specific_than_customer_than_corporate() -> None:
    order = sorted(Level, key=lambda level: level.specificity)
    assert order == [Level.CORPORATE, Level.CUSTOMER, Level.SERVICE]
