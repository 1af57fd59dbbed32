"""The operations on period reports: JSON, CSV, or a page for print."""

import asyncio
from collections.abc import Mapping, Sequence
from itertools import islice, takewhile
from typing import Annotated, Final

from fastapi import APIRouter, FastAPI, Query, Request, Response

from services.api.answering.answers import agreement_row
from services.api.answering.parameters import Page, Text
from services.api.answering.requests import page_place
from services.api.answering.responses import list_answer, object_answer
from services.api.board.sources import From
from services.api.reading.objectives import Choice, Filters
from services.api.reports import queries, schemas
from services.api.reports.composing import compose
from services.api.reports.csv_form import report_csv
from services.api.reports.forms import AvailableReports, Report
from services.api.reports.page import STYLE_PATH, report_page, style_text
from services.api.reports.parameters import (
    Format,
    ReportParameters,
    asked_of,
    choices_of,
    format_of,
)
from services.api.reports.reading import find
from shared.domain.agreement import Agreement
from shared.domain.instant import Instant
from shared.domain.period import periods_before
from shared.domain.window import Period

router: Final = APIRouter(prefix="/v1")
MOST_MONTHS: Final = 120
"""So many months at most are named of each agreement."""

_CONTENT_SECURITY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'"
)


@router.get("/reports", **schemas.LIST)
async def list_reports(
    wanted: Annotated[Page, Query()], request: Request, sources: From
) -> Response:
    """The agreements that reports can be had of, by name, and the months that have windows of them.

    The latest month comes first; one that is not over yet is not named, but can be asked for.
    """
    objectives, now = sources.objectives, sources.clock()
    scope, after = page_place(wanted, "reports", (str,))
    chosen: dict[str, list[Choice]] = {}
    for choice in objectives.choose(Filters(), now):
        chosen.setdefault(choice.served.agreement.name, []).append(choice)
    names = [name for name in sorted(chosen) if after is None or name > str(after[0])]
    page = names[: wanted.limit]
    keys = [choice.served.key for name in page for choice in chosen[name]]
    async with sources.reading(keys) as (connection, standing):
        first = await queries.read_first_windows(connection, keys)
        as_of = standing.as_of(keys)
    instant = now if as_of is None else as_of
    items = [_available(objectives.agreements[name], chosen[name], first, instant) for name in page]
    last = (page[-1],) if len(names) > len(page) else None
    return list_answer(request, items, scope, last, as_of)


def _available(
    agreement: Agreement,
    choices: Sequence[Choice],
    first: Mapping[str, Instant],
    now: Instant,
) -> AvailableReports:
    row = agreement_row(agreement, now=now)
    zone = agreement.version_nearest(now).calendar.zone
    ends = [first[own.served.key] for own in choices if own.served.key in first]
    months = islice(periods_before(Period.MONTH, zone, now), MOST_MONTHS if ends else 0)
    return AvailableReports(
        agreement=agreement.name,
        level=row.level,
        type=row.type,
        parties=row.parties,
        time_zone=zone,
        months=[own.name for own in takewhile(lambda m: m.within(zone).end >= min(ends), months)],
    )


@router.get("/reports/{agreement}", **schemas.REPORT)
async def get_report(
    agreement: Text,
    wanted: Annotated[ReportParameters, Query()],
    request: Request,
    sources: From,
) -> Response:
    """How an agreement stood over a period, for both of its parties, read at one moment.

    Every window that ends in the period is in it with target, value, counts, state and error
    budget as `/v1/values` has them, with all its revisions; of rolling windows the last one,
    unless `all_windows`. Beside them: breaches with their instants and how long they lasted, what
    was excluded and why, what may still change, and which documents were in use. The CSV is one
    table, whose column `record` says what a row is about; the HTML is made for print.
    """
    form = format_of(wanted, request)
    objectives = sources.objectives
    choices = choices_of(objectives, agreement, wanted.customer, sources.clock())
    async with sources.reading([own.served.key for own in choices]) as (connection, standing):
        as_of = standing.as_of([own.served.key for own in choices])
        asked = asked_of(objectives, agreement, choices, wanted, as_of or sources.clock())
        customers = objectives.customers_among(wanted.customer)
        found = await find(sources, connection, standing, asked, customers)
    report = await asyncio.to_thread(compose, asked, found)
    return await asyncio.to_thread(_answer, request, report, form)


def _answer(request: Request, report: Report, form: Format) -> Response:
    headers = {
        "cache-control": "private, no-cache",
        "vary": "accept",
        "x-content-type-options": "nosniff",
    }
    if form is Format.JSON:
        answer = object_answer(request, report)
        answer.headers.update(headers)
        return answer
    name = f'filename="{report.agreement}_{report.period.name or _days(report)}.{form.value}"'
    if form is Format.CSV:
        headers["content-disposition"] = f"attachment; {name}"
        return Response(report_csv(report), headers=headers, media_type="text/csv; header=present")
    headers["content-disposition"] = f"inline; {name}"
    headers["content-security-policy"] = _CONTENT_SECURITY
    root_path = str(request.scope.get("root_path", ""))
    page = report_page(report, style_path=f"{root_path}{STYLE_PATH}")
    return Response(page, headers=headers, media_type="text/html")


def _days(report: Report) -> str:
    return f"{report.period.start[:10]}_{report.period.end[:10]}"


def add_report_style(app: FastAPI) -> None:
    """Serve the style of the pages; it is not part of the OpenAPI document."""

    @app.get(STYLE_PATH, include_in_schema=False)
    async def report_style() -> Response:
        headers = {"cache-control": "public, max-age=3600"}
        return Response(style_text(), media_type="text/css", headers=headers)
