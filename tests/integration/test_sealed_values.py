"""What is said of a sealed period: the numbers that were signed off, beside them those of now."""

from pathlib import Path
from typing import Any

import pytest

from services.api.answering import schemas
from services.cli.verification.compare import compare_windows
from shared.runtime.database import Pool
from tests.integration.evaluating import catalogue, event
from tests.integration.signing import (
    DOCUMENTS,
    LATE,
    LATE_GROUP,
    OF_ACME,
    Desk,
    a_desk,
)

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]
PRINTED = ("level", "final", "value", "target", "state", "budget_remaining", "counts")
"""What `evaluate` prints of the numbers of a window."""
SEALED = {"at": "2026-04-01T00:30:30Z", "by": "manager"}
Row = dict[str, Any]


@pytest.fixture
async def desk(database: Pool, tmp_path: Path) -> Desk:
    """One whose March is sealed."""
    opened = await a_desk(database, tmp_path)
    assert (await opened.seal()).status_code == 201
    return opened


def plain(row: Row) -> Row:
    """A window as it was shown before its period was sealed."""
    return {
        name: row[name] for name in row if name not in {"sealed", "adjusted", "revisions", "as_of"}
    }


async def everything(desk: Desk) -> dict[tuple[str, str], Row]:
    """All windows that the api lists."""
    names = {row["sla_id"] for row in desk.evaluated().values()} | {"desk/by-customer/initech"}
    return {
        (name, row["window"]["start"]): row
        for name in sorted(names)
        for row in (await desk.get("/v1/values", sla_id=name, limit="1000"))["items"]
    }


async def adjusted(desk: Desk) -> int:
    """How many windows are; each, adjusted where it is, is what `evaluate` prints."""
    said, evaluated = await everything(desk), desk.evaluated()
    for row in said.values():
        schemas.Value.model_validate(row)
    assert compare_windows("value", said.values(), evaluated.values(), waiting=()) == []
    for key, row in said.items():
        now = row.get("adjusted")
        if now is not None and key in evaluated:
            assert {name: now[name] for name in PRINTED} == {
                name: evaluated[key][name] for name in PRINTED
            }
    return sum(row.get("adjusted") is not None for row in said.values())


async def test_nothing_is_adjusted_while_nothing_comes(desk: Desk) -> None:
    month = (await desk.values("desk/month"))["2026-03-01"]
    assert (month["sealed"], month["adjusted"]) == (SEALED, None)
    assert (month["state"], month["value"], month["revision"]) == ("ok", "0.75", 1)
    assert await adjusted(desk) == 0


async def test_what_is_not_sealed_has_neither_member(desk: Desk) -> None:
    for name, start in (
        ("other/month", "2026-03-01"),
        ("desk/month", "2026-02-01"),
        ("desk/month", "2026-04-01"),
    ):
        row = (await desk.values(name))[start]
        assert not {"sealed", "adjusted"} & row.keys()


async def test_a_late_event_stands_beside_the_sealed_numbers(desk: Desk) -> None:
    before = await everything(desk)
    await desk.receive(LATE, "04-02T02:00")
    held = (await desk.values("desk/month"))["2026-03-01"]
    assert (held["final"], held["provisional"], held["revision"]) == (True, False, 1)
    now = held["adjusted"]
    assert (now["final"], now["provisional"], now["revision"]) == (False, True, 1)
    assert (now["cause"], now["value"]) == ("late", "0.6")

    await desk.wait("04-02T02:06")
    after = await everything(desk)
    sealed = {key: row for key, row in after.items() if "sealed" in row}
    assert len(sealed) > 30
    for key, row in sealed.items():
        assert plain(row) == plain(before[key])
        assert row["sealed"] == SEALED
    month = after["desk/month", "2026-03-01T00:00:00Z"]
    assert [own["revision"] for own in month["revisions"]] == [1, 2]
    assert month["adjusted"] == {
        "level": "customer",
        "final": True,
        "value": "0.6",
        "target": month["target"],
        "state": "ok",
        "budget_remaining": "0.2",
        "counts": {**month["counts"], "eligible": 5, "breached_closed": 2},
        "breach_id": None,
        "revision": 2,
        "provisional": False,
        "cause": "late",
    }
    week = after["desk/by-customer/acme", "2026-03-01T23:00:00Z"]
    assert (week["state"], week["breach_id"]) == ("ok", None)
    assert week["adjusted"]["state"] == "breached"
    assert week["adjusted"]["breach_id"] is not None
    assert await adjusted(desk) > 10
    # The agreement beside it is restated as ever.
    other = after["other/month", "2026-03-01T00:00:00Z"]
    assert (other["revision"], other["value"]) == (2, "0.6")


async def test_states_of_a_sealed_window_are_the_sealed_ones(desk: Desk) -> None:
    window = "2026-03-01T23:00:00Z"
    await desk.receive(LATE, "04-02T02:00")
    await desk.wait("04-02T02:06")
    value = (await desk.values("desk/by-customer/acme"))["2026-03-01"]
    del value["revisions"]
    found = await desk.get("/v1/states", window=window, agreement="desk")
    (listed,) = found["items"]
    schemas.States.model_validate(found)
    one = await desk.get("/v1/states/desk/by-customer/acme", window=window)
    schemas.ExplainedState.model_validate(one)
    assert listed == value
    explain = one.pop("explain")
    assert one == value
    assert "100 %" in " ".join(explain["text"])
    for state, shown in (("ok", [listed]), ("breached", [])):
        again = await desk.get("/v1/states", window=window, agreement="desk", state=state)
        assert again["items"] == shown
    # What makes it up is what there is.
    items = await desk.get("/v1/values/items", sla_id="desk/by-customer/acme", window=window)
    assert [own["item"] for own in items["items"]] == ["ticket:T-2", "ticket:T-6"]


async def test_what_nobody_knew_of_has_no_data_and_an_adjustment(desk: Desk) -> None:
    await desk.receive(LATE_GROUP, "04-02T02:00")
    await desk.wait("04-02T02:06")
    values = await desk.values("desk/by-customer/initech")
    row = values["2026-03-15"]
    assert (row["state"], row["value"], row["revision"]) == ("no_data", None, 0)
    assert set(row["counts"].values()) == {0}
    assert row["sealed"] == SEALED
    assert (row["adjusted"]["state"], row["adjusted"]["value"]) == ("ok", "1")
    assert row["adjusted"]["cause"] == "late"
    assert await adjusted(desk) > 0


async def test_what_was_sealed_stays_when_the_window_has_gone(desk: Desk, tmp_path: Path) -> None:
    """Other documents judge in other windows, or for another target."""
    before = await everything(desk)
    changed = DOCUMENTS.replace("{calendar: week, timeZone: Europe/Berlin}", "{calendar: day}")
    changed = changed.replace('ratio: "0.5"', 'ratio: "0.8"', 1)
    await desk.stepping.start(catalogue(changed, tmp_path))
    await desk.wait("04-02T00:00")
    after = await everything(desk)
    month = after["desk/month", "2026-03-01T00:00:00Z"]
    assert plain(month) == plain(before["desk/month", "2026-03-01T00:00:00Z"])
    assert month["target"]["ratio"] == "0.5"
    now = month["adjusted"]
    assert (now["target"]["ratio"], now["state"], now["cause"]) == ("0.8", "breached", "documents")
    assert await adjusted(desk) > 4
    gone = after["desk/by-customer/globex", "2026-03-08T23:00:00Z"]
    assert plain(gone) == plain(before["desk/by-customer/globex", "2026-03-08T23:00:00Z"])
    assert (gone["adjusted"]["state"], gone["adjusted"]["cause"]) == ("no_data", "documents")


async def test_known_at_tells_what_was_said_whatever_is_sealed(desk: Desk) -> None:
    await desk.receive(LATE, "04-02T02:00")
    await desk.wait("04-02T02:06")
    for known_at, value in (("2026-04-02T02:05:00Z", "0.75"), ("2026-04-02T02:10:00Z", "0.6")):
        row = (await desk.values("desk/month", known_at=known_at))["2026-03-01"]
        assert row["value"] == value
        assert not {"sealed", "adjusted"} & row.keys()


async def test_who_sees_some_customers_sees_their_sealed_numbers_and_no_name(desk: Desk) -> None:
    await desk.receive((*LATE, *LATE_GROUP), "04-02T02:00")
    await desk.wait("04-02T02:06")
    row = (await desk.values("desk/by-customer/acme", OF_ACME))["2026-03-01"]
    assert row["sealed"] == {**SEALED, "by": None}
    assert (row["state"], row["adjusted"]["state"]) == ("ok", "breached")
    found = await desk.get("/v1/states", OF_ACME, window="2026-03-15T23:00:00Z")
    assert found["items"] == []


async def test_that_a_breach_ends_is_said_without_a_revision(
    database: Pool, tmp_path: Path
) -> None:
    desk = await a_desk(database, tmp_path)
    await desk.receive(
        [event("ticket.created", "T-8", "03-20T09:00", customer="acme")], "04-01T02:00"
    )
    await desk.wait("04-01T02:06")
    assert (await desk.seal()).status_code == 201
    await desk.receive(
        [event("ticket.replied", "T-8", "04-01T03:00", customer="acme")], "04-01T04:00"
    )
    await desk.wait("04-01T04:06")
    row = (await desk.values("desk/month"))["2026-03-01"]
    assert row["counts"]["breached_open"] == 1
    now = row["adjusted"]
    assert (now["counts"]["breached_open"], now["value"]) == (0, row["value"])
    assert (now["cause"], now["revision"]) == ("closed", row["revision"])


async def test_what_was_sealed_needs_no_record_of_how_it_came_about(
    desk: Desk, database: Pool
) -> None:
    """`ACCORD_RETENTION` lets go of revisions that others have replaced."""
    await desk.receive(LATE, "04-02T02:00")
    await desk.wait("04-02T02:06")
    before = await everything(desk)
    await database.execute(
        "DELETE FROM value_revision r USING value v WHERE r.objective = v.objective"
        " AND r.grp = v.grp AND r.window_start = v.window_start AND r.revision < v.revision"
    )
    after = await everything(desk)
    assert all(plain(row) == plain(before[key]) for key, row in after.items())
    assert all(row.get("adjusted") == before[key].get("adjusted") for key, row in after.items())
