"""`accord keys` and `accord audit` on a real database, as a person and as a program use them."""

import json

import pytest
from typer.testing import CliRunner, Result

from services.api.access.keys import KEY
from services.cli.main import app
from tests.integration.conftest import (  # noqa: F401 - fixtures are found by their names
    database_url,
    migrated_template,
)

pytestmark = pytest.mark.integration


Environment = dict[str, str]


@pytest.fixture
def environment(database_url: str) -> Environment:  # noqa: F811
    return {"ACCORD_DATABASE_URL": database_url}


def accord(environment: Environment, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments], env=environment)


def test_a_key_is_shown_once_listed_replaced_ended_and_the_log_is_whole(
    environment: Environment,
) -> None:
    asked = ("keys", "create", "dashboard", "--customer", "acme", "--expires", "90d", "--json")
    made = json.loads(accord(environment, *asked).stdout)
    assert KEY.fullmatch(made["key"])
    listed = accord(environment, "keys", "list")
    assert made["id"] in listed.stdout
    assert "dashboard  read  acme" in listed.stdout
    assert made["key"] not in listed.stdout
    rotated = accord(environment, "keys", "rotate", made["id"], "--overlap-hours", "0")
    assert KEY.match(rotated.stdout)
    assert accord(environment, "keys", "revoke", made["id"]).exit_code == 0
    again = accord(environment, "keys", "revoke", made["id"])
    assert again.exit_code == 1
    assert "there is no such key that is not revoked yet" in again.stderr
    assert len(json.loads(accord(environment, "keys", "list", "--json").stdout)) == 1
    assert len(json.loads(accord(environment, "keys", "list", "--all", "--json").stdout)) == 2
    proof = json.loads(accord(environment, "audit", "verify", "--json").stdout)
    assert (proof["entries"], proof["whole"]) == (3, True)
    assert accord(environment, "audit", "verify", "--expect", proof["head"]).exit_code == 0
    other = accord(environment, "audit", "verify", "--expect", "00")
    assert other.exit_code == 1
    assert "none has the digest 00" in other.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("create", "x", "--scope", "root"), "scopes are of read, write, admin"),
        (("create", "x", "--scope", "admin", "--customer", "acme"), "leave out one of the two"),
        (("create", "x", "--expires", "2020-01-01T00:00:00Z"), "is of no use"),
        (("revoke", "nothing"), "there is no such key"),
        (("rotate", "nothing"), "there is no such key"),
    ],
)
def test_what_cannot_be_is_refused_in_words_and_changes_nothing(
    environment: Environment, arguments: tuple[str, ...], says: str
) -> None:
    done = accord(environment, "keys", *arguments)
    assert done.exit_code == 1
    assert says in done.stderr
    assert json.loads(accord(environment, "audit", "list", "--json").stdout) == []
