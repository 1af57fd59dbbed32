"""Period reports on a real database: their numbers are those of the api's lists and of evaluate."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import pytest
from prometheus_client import CollectorRegistry

from services.api.app import create_app, make_sources
from services.api.reading.objectives import Filters, Objectives
from services.api.reports import schemas
from services.api.reports.composing import Asked
from services.api.reports.parameters import period_of
from services.cli.evaluate import evaluation_form
from services.cli.report import report_of
from services.cli.stack.local_stack import LocalStack
from services.cli.stack.postgres import create_database, drop_database
from shared.domain.instant import DAY, HOUR
from shared.domain.item import Item
from shared.domain.plan import compile_plan
from shared.runtime.database import Pool, create_pool
from shared.wire.results import encode
from tests.integration.evaluating import at, catalogue
from tests.integration.everything import delivered, documents, life
from tests.integration.stepping import Stepping

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

BEGIN = at("03-01T00:00")
SEED = 5
ASKED: list[dict[str, str]] = [
    {"period": "2026-03"},
    {"period": "2026-03-03"},
    {"period": "2026-W10", "all_windows": "true"},
    {"period": "2026-02"},
    {"from": "2026-03-02T07:30", "until": "2026-03-04T05:00:00+01:00"},
]
KNOWN_HERE_ONLY = ("complete", "revision", "provisional", "revisions")
"""What evaluating events does not know of a window: it takes them as they are."""


@dataclass(frozen=True, slots=True)
class Told:
    """What was said of the same events: reports, lists, and what evaluating them gives."""

    reports: list[Any]
    made: list[Any]
    values: dict[tuple[str, str], dict[str, Any]]
    evaluated: dict[tuple[str, str], dict[str, Any]]
    breaches: dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def told(
    stack: LocalStack, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Told]:
    """Some days of a helpdesk, told in every way; some events came late."""
    name = f"{migrated_template}_reports"
    asyncio.run(create_database(stack.database_url, name, template=migrated_template))
    url = urlunsplit(urlsplit(stack.database_url)._replace(path=f"/{name}"))
    yield asyncio.run(everything_told(url, tmp_path_factory.mktemp("documents")))
    asyncio.run(drop_database(stack.database_url, name))


async def everything_told(url: str, folder: Path) -> Told:
    """Fold and judge some days now and then, and ask about them."""
    async with await create_pool(url, service="test") as pool:
        stepping = await some_days(pool, folder)
        evaluated = evaluation_form(stepping.catalogue, stepping.evaluated())
        rows = exact(encode(evaluated))["objectives"]
        async with asking(stepping) as http:
            reports = [await whole(http, "/v1/reports/all", **asked) for asked in ASKED]
            names = sorted({window["sla_id"] for report in reports for window in windows(report)})
            values = {
                (name, row["window"]["start"]): row
                for name in names
                for row in await pages(http, "/v1/values", sla_id=name)
            }
            breaches = await pages(http, "/v1/breaches", agreement="all")
    return Told(
        reports=reports,
        made=[offline(stepping, asked) for asked in ASKED],
        values=values,
        evaluated={(row["sla_id"], row["window"]["start"]): row for row in rows},
        breaches={row["breach_id"]: row for row in breaches},
    )


async def some_days(pool: Pool, folder: Path) -> Stepping:
    random = Random(SEED)  # noqa: S311 - a repeatable choice, no secret
    events = [e for number in range(14) for e in life(random, number, BEGIN, 5 * DAY)]
    times = [BEGIN + 2 * DAY + HOUR, BEGIN + 5 * DAY, BEGIN + 9 * DAY]
    found = Stepping(pool, catalogue(documents(), folder), BEGIN)
    await found.start()
    for now, some in zip(times, delivered(random, events, BEGIN, times), strict=True):
        await found.fold(some)
        # What is late becomes a revision a little later.
        for instant in (now, now + HOUR // 4):
            found.now = instant
            await found.prove()
            await found.judge()
    await found.compare()
    return found


@asynccontextmanager
async def asking(stepping: Stepping) -> AsyncIterator[httpx.AsyncClient]:
    """The api over the same tables."""
    sources = make_sources(
        pool=stepping.pool, catalogue=stepping.catalogue, clock=lambda: stepping.now
    )
    transport = httpx.ASGITransport(create_app(sources, CollectorRegistry()))
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as http:
        yield http


def exact(text: bytes) -> Any:  # noqa: ANN401 - JSON
    return json.loads(text, parse_float=Decimal)


def windows(report: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - JSON
    for objective in report["objectives"]:
        yield from objective["windows"]


async def whole(http: httpx.AsyncClient, path: str, **asked: str) -> Any:  # noqa: ANN401 - JSON
    answer = await http.get(path, params=asked)
    assert answer.status_code == 200, answer.text
    return exact(answer.content)


async def pages(http: httpx.AsyncClient, path: str, **asked: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = await whole(http, path, **asked, **cursor)
        found += page["items"]
        if page["next"] is None:
            return found
        cursor = {"cursor": page["next"]}


def items_of(stepping: Stepping) -> list[Item]:
    plan = compile_plan(stepping.catalogue)
    items: dict[str, Item] = {}
    for one in stepping.events:
        items.setdefault(one.item, Item(plan, one.kind, one.subject)).admit(one)
    return [*items.values()]


def offline(stepping: Stepping, asked: dict[str, str]) -> Any:  # noqa: ANN401 - JSON
    """The report that the command makes of the same events."""
    objectives, now = Objectives(stepping.catalogue), stepping.now
    zone = "UTC"
    period, span = period_of(asked.get("period"), asked.get("from"), asked.get("until"), zone, now)
    wanted = Asked(
        stepping.catalogue,
        stepping.catalogue.agreements["all"],
        objectives.choose(Filters(agreement=["all"]), now),
        period,
        span,
        zone,
        all_windows="all_windows" in asked,
    )
    return exact(encode(report_of(wanted, items_of(stepping), now=now)))


def test_a_report_has_the_numbers_of_the_lists_and_of_evaluate(told: Told) -> None:
    seen = 0
    for report in told.reports:
        schemas.Report.model_validate(report)
        for window in windows(report):
            seen += 1
            key = window["sla_id"], window["window"]["start"]
            row = told.values[key]
            assert window == {name: row[name] for name in window}
            plain = {k: v for k, v in window.items() if k not in KNOWN_HERE_ONLY}
            assert plain == told.evaluated[key]
    assert seen > 500


@pytest.mark.parametrize("number", range(len(ASKED)), ids=[str(asked) for asked in ASKED])
def test_the_command_makes_the_same_report_of_the_events(told: Told, number: int) -> None:
    said, made = deepcopy((told.reports[number], told.made[number]))
    for report in (said, made):
        _forget_what_is_known_here_only(report)
    for of_api, of_events in zip(said["objectives"], made["objectives"], strict=True):
        assert of_api == of_events
    assert said == made


def _forget_what_is_known_here_only(report: Any) -> None:  # noqa: ANN401 - JSON
    for name in ("freshness", "provisional"):
        report.pop(name, None)
    for totals in (report["totals"], *(own["totals"] for own in report["objectives"])):
        for name in ("restated", "provisional"):
            totals.pop(name, None)
        totals["breaches"].pop("unconfirmed", None)
    for objective in report["objectives"]:
        for window in objective["windows"]:
            for name in KNOWN_HERE_ONLY:
                window.pop(name, None)
        for breach in objective["breaches"]:
            for name in ("breach_id", "confirmed", "detected_at"):
                breach.pop(name, None)


def test_what_is_added_up_is_what_is_listed(told: Told) -> None:
    report = told.reports[0]
    assert report["totals"]["windows"] == len([*windows(report)])
    assert report["totals"]["restated"] == sum(own["revision"] > 1 for own in windows(report)) > 0
    for objective in report["objectives"]:
        totals = objective["totals"]
        assert sum(totals["states"].values()) == len(objective["windows"])
        if totals["counts"] is None or "eligible" not in totals["counts"]:
            continue
        missed = totals["counts"]["breached_open"] + totals["counts"]["breached_closed"]
        if "within" in objective["target"] and objective["objective"] != "w-began":
            # Those of items are exactly those that the windows count.
            assert totals["breaches"]["items"] == missed


def test_breaches_are_those_of_the_list(told: Told) -> None:
    seen = set()
    for report in told.reports:
        for objective in report["objectives"]:
            for breach in objective["breaches"]:
                row = told.breaches[breach["breach_id"]]
                seen.add(breach["breach_id"])
                shared = {key for key in breach if key in row}
                assert {key: breach[key] for key in shared} == {key: row[key] for key in shared}
    # The period that holds all events holds all breaches.
    assert seen == set(told.breaches)


def test_excluded_clocks_are_listed_with_what_took_them_out(told: Told) -> None:
    out = told.reports[0]["exclusions"]
    assert out["items_total"] == len(out["items"]) > 0
    assert out["items_total"] == sum(
        window["counts"].get("excluded", 0) for window in windows(told.reports[0])
    )
    assert {item["why"] for item in out["items"]} == {
        "cancelled: ticket.merged: the item was merged into another"
    }
