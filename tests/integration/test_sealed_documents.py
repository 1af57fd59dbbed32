"""What was sealed stays where other documents judge in other windows, or group otherwise."""

from pathlib import Path
from typing import Any

import pytest

from services.api.reports import schemas
from services.cli.verification.compare import compare_windows
from shared.runtime.database import Pool
from tests.integration.evaluating import catalogue
from tests.integration.signing import DOCUMENTS, LATE_GROUP, OF_ACME, Desk, a_desk

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]
Row = dict[str, Any]
ROLLING = "desk/ten-days"
WEEKS = "desk/by-customer/acme"


@pytest.fixture
async def desk(database: Pool, tmp_path: Path) -> Desk:
    """One whose March is sealed."""
    opened = await a_desk(database, tmp_path)
    assert (await opened.seal()).status_code == 201
    return opened


async def changed(desk: Desk, folder: Path, *pairs: tuple[str, str]) -> None:
    """Have other documents in use."""
    text = DOCUMENTS
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    await desk.stepping.start(catalogue(text, folder))
    await desk.wait("04-02T00:10")


async def listed(desk: Desk, sla_id: str, **asked: str) -> dict[tuple[str, str], Row]:
    """All windows of a group by start and end, read page by page."""
    found: dict[tuple[str, str], Row] = {}
    page = await desk.get("/v1/values", sla_id=sla_id, **asked)
    while True:
        for row in page["items"]:
            key = (row["window"]["start"], row["window"]["end"])
            assert key not in found
            found[key] = {name: row[name] for name in row if name not in {"revisions", "as_of"}}
        if page["next"] is None:
            return found
        page = await desk.get("/v1/values", sla_id=sla_id, cursor=page["next"], **asked)


def numbers(row: Row) -> Row:
    """What was signed off of a window."""
    return {name: row[name] for name in row if name not in {"adjusted", "breach_id"}}


@pytest.mark.parametrize(
    ("sla_id", "pair"),
    [
        (ROLLING, ("P10D", "P5D")),
        (ROLLING, ("P10D", "P20D")),
        (WEEKS, ("calendar: week, timeZone", "calendar: day, timeZone")),
        (WEEKS, ("calendar: week, timeZone", "calendar: month, timeZone")),
    ],
)
@pytest.mark.parametrize("limit", ["1", "2", "1000"])
async def test_windows_that_start_together_are_told_apart(
    desk: Desk, tmp_path: Path, sla_id: str, pair: tuple[str, str], limit: str
) -> None:
    before = {key: row for key, row in (await listed(desk, sla_id)).items() if "sealed" in row}
    assert before
    await changed(desk, tmp_path, pair)
    after = await listed(desk, sla_id, limit=limit)
    for key, row in before.items():
        assert numbers(after[key]) == numbers(row)
        now = after[key]["adjusted"]
        if now is not None:
            assert (now["state"], now["cause"]) == ("no_data", "documents")
    evaluated = [own for (name, _), own in desk.evaluated().items() if name == sla_id]
    assert compare_windows("value", after.values(), evaluated, waiting=()) == []
    for row in after.values():
        if row.get("adjusted") is not None:
            assert row["adjusted"]["cause"] == "documents"


@pytest.mark.parametrize(
    "pair",
    [
        ("P10D", "P5D"),
        ("P10D", "P20D"),
        ("calendar: week, timeZone", "calendar: day, timeZone"),
        ("calendar: week, timeZone", "calendar: month, timeZone"),
    ],
)
@pytest.mark.parametrize("all_windows", ["true", "false"])
async def test_a_report_has_all_that_was_signed_off(
    desk: Desk, tmp_path: Path, pair: tuple[str, str], all_windows: str
) -> None:
    async def windows() -> dict[tuple[str, str, str], Row]:
        report = await desk.get("/v1/reports/desk", period="2026-03", all_windows=all_windows)
        return {
            (row["sla_id"], *row["window"].values()): {
                name: row[name] for name in row if name not in {"adjusted", "revisions"}
            }
            for own in report["objectives"]
            for row in own["windows"]
        }

    before = await windows()
    await changed(desk, tmp_path, pair)
    after = await windows()
    assert {key: after[key] for key in before} == before


async def test_what_is_sealed_later_may_start_where_something_sealed_does(
    desk: Desk, tmp_path: Path
) -> None:
    await changed(desk, tmp_path, ("P10D", "P20D"))
    answer = await desk.seal("2026-04-01")
    assert answer.status_code == 201, answer.text
    kept = await listed(desk, ROLLING)
    twice = {start for start, _ in kept if sum(own == start for own, _ in kept) > 1}
    assert "2026-03-13T00:00:00Z" in twice


@pytest.mark.parametrize(
    "pair",
    [
        ("groupBy: [customer]", "groupBy: [service]"),
        ("groupBy: [customer]", "groupBy: [customer, service]"),
        ("      groupBy: [customer]\n", ""),
    ],
)
async def test_a_report_names_the_groups_of_then(
    desk: Desk, tmp_path: Path, pair: tuple[str, str]
) -> None:
    def weeks(report: Row) -> dict[tuple[str, str], Row]:
        (own,) = (own for own in report["objectives"] if own["objective"] == "by-customer")
        return {(row["sla_id"], row["window"]["start"]): row for row in own["windows"]}

    before = weeks(await desk.get("/v1/reports/desk", period="2026-03"))
    assert {row["group"]["customer"] for row in before.values()} == {"acme", "globex"}
    await changed(desk, tmp_path, pair)
    report = await desk.get("/v1/reports/desk", period="2026-03")
    after = weeks(report)
    for key, row in before.items():
        for name in ("group", "value", "state", "counts", "window"):
            assert after[key][name] == row[name]
        assert after[key]["adjusted"] is None or after[key]["adjusted"]["state"] == "no_data"
    async with desk.asking() as http:
        for form in ("csv", "html"):
            answer = await http.get(
                "/v1/reports/desk", params={"period": "2026-03", "format": form}
            )
            assert answer.status_code == 200
    found = await desk.get("/v1/states", window="2026-03-01T23:00:00Z", agreement="desk")
    assert not [row for row in found["items"] if row["group"].get("customer") == "globex"]


async def test_who_sees_some_customers_sees_no_groups_of_former_documents(
    desk: Desk, tmp_path: Path
) -> None:
    """Then the agreement was everyone's; now it is acme's alone."""
    await changed(
        desk,
        tmp_path,
        ("      groupBy: [customer]\n", ""),
        (
            "  level: customer\n  parties: {provider: support, customer: everyone}",
            "  level: customer\n  parties: {provider: support, customer: acme}",
        ),
    )
    report = await desk.get("/v1/reports/desk", OF_ACME, period="2026-03")
    assert "globex" not in str(report)
    for customer in ("globex", "acme"):
        async with desk.asking(OF_ACME) as http:
            asked = {"period": "2026-03", "customer": customer}
            answer = await http.get("/v1/reports/desk", params=asked)
        assert "desk/by-customer/globex" not in answer.text


async def test_what_other_documents_change_without_a_revision_is_because_of_them(
    desk: Desk, tmp_path: Path
) -> None:
    await changed(desk, tmp_path, ("level: customer", "level: corporate"))
    row = (await desk.values("desk/month"))["2026-03-01"]
    assert row["level"] == "customer"
    assert (row["adjusted"]["level"], row["adjusted"]["cause"]) == ("corporate", "documents")


async def test_what_is_found_of_a_new_group_came_late_also_before_it_has_settled(
    desk: Desk,
) -> None:
    await desk.receive(LATE_GROUP, "04-02T02:00")
    row = (await desk.values("desk/by-customer/initech"))["2026-03-15"]
    assert (row["state"], row["adjusted"]["provisional"]) == ("no_data", True)
    assert row["adjusted"]["cause"] == "late"


WITHOUT_WEEKS = (
    DOCUMENTS[DOCUMENTS.index("    - name: by-customer") : DOCUMENTS.index("    - name: ten-days")],
    "",
)
WITHOUT_DAYS = (
    DOCUMENTS[
        DOCUMENTS.index("    - name: ten-days") : DOCUMENTS.index(
            "---", DOCUMENTS.index("    - name: ten-days")
        )
    ],
    "",
)


@pytest.mark.parametrize("without", [WITHOUT_WEEKS, WITHOUT_DAYS])
@pytest.mark.parametrize("all_windows", ["true", "false"])
async def test_an_objective_that_the_documents_no_longer_have_stays_in_its_report(
    desk: Desk, tmp_path: Path, without: tuple[str, str], all_windows: str
) -> None:
    asked = {"period": "2026-03", "all_windows": all_windows}
    before = await desk.get("/v1/reports/desk", **asked)
    await changed(desk, tmp_path, without)
    after = await desk.get("/v1/reports/desk", **asked)
    schemas.Report.model_validate(after)
    assert [plain(own) for own in after["objectives"]] == [
        plain(own) for own in before["objectives"]
    ]
    (gone,) = (own for own in after["objectives"] if f"name: {own['objective']}" in without[0])
    for row in gone["windows"]:
        now = row["adjusted"]
        assert now is None or (now["state"], now["cause"]) == ("no_data", "documents")
    told = [own for own in after["adjustments"]["breaches"] if own["change"] == "withdrawn"]
    named = [own["breach_id"] for own in told if own["objective"] == gone["objective"]]
    assert named == [own["breach_id"] for own in gone["breaches"]]
    async with desk.asking() as http:
        for form in ("csv", "html"):
            answer = await http.get("/v1/reports/desk", params={**asked, "format": form})
            assert gone["objective"] in answer.text
        for more in ({"customer": "acme"}, {"objective": "month"}):
            part = await http.get("/v1/reports/desk", params={**asked, **more})
            assert gone["objective"] not in part.text
    april = await desk.get("/v1/reports/desk", period="2026-04")
    assert gone["objective"] not in {own["objective"] for own in april["objectives"]}


def plain(objective: Row) -> Row:
    """An objective of a report without what became known since."""
    windows = [
        {name: row[name] for name in row if name not in {"adjusted", "revisions"}}
        for row in objective["windows"]
    ]
    return {**objective, "windows": windows}
