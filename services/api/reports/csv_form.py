r"""A report as CSV (RFC 4180): one table, the column `record` says what a row is about.

A text that a spreadsheet would take for a formula gets an apostrophe before it, which makes it
text there; numbers stay as they are.
"""

import csv
import json
import re
from collections.abc import Iterator, Mapping
from io import StringIO
from typing import Final

from services.api.answering.reviews import ReviewForm
from services.api.reports.forms import Report, ReportedBreach, ReportedObjective, ReportedWindow
from shared.wire.results import WindowForm

COUNTS: Final = (
    "eligible",
    "excluded",
    "running",
    "met",
    "breached_open",
    "breached_closed",
    "count",
    "good",
    "total",
    "pending",
)
COLUMNS: Final = (
    "record",
    "agreement",
    "objective",
    "sla_id",
    "group",
    "start",
    "end",
    "state",
    "value",
    "unit",
    "target",
    "budget_remaining",
    *COUNTS,
    "final",
    "provisional",
    "complete",
    "revision",
    "cause",
    "known_at",
    "item",
    "cycle",
    "opened_at",
    "closed_at",
    "lasted_s",
    "confirmed",
    "text",
)
"""`record` is `report`, `window`, `revision`, `breach`, `excluded`, `marked` or `missing`.

Of sealed periods also `review`, `adjusted` (a window by the numbers of now), and `found`,
`withdrawn`, `closed` or `reopened` (a breach, since it was sealed).
"""

_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)
_FORMULA: Final = tuple("=+-@\t\r\n＝＋－＠")  # noqa: RUF001 - spreadsheets read the wide ones too
_Row = Mapping[str, object]


def report_csv(report: Report) -> str:
    """The report with a header line; lines end with CR LF."""
    text = StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\r\n")
    writer.writeheader()
    for row in _rows(report):
        writer.writerow({name: cell(value) for name, value in row.items()})
    return text.getvalue()


def cell(value: object) -> str:
    """A value as a spreadsheet may open it: never a formula."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case _:
            text = str(value)
    # What stands behind blanks is a formula to some programs.
    if text.lstrip(" ").startswith(_FORMULA) and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text


def _rows(report: Report) -> Iterator[_Row]:
    own = {"agreement": report.agreement}
    yield {
        "record": "report",
        **own,
        "start": report.period.start,
        "end": report.period.end,
        "known_at": report.as_of,
        "text": f"documents {report.documents.digest}",
    }
    for review in report.reviews or ():
        yield {
            "record": "review",
            **own,
            "start": review.period.start,
            "end": review.period.end,
            "known_at": review.at,
            "text": f"{review.period.name} was signed off{_by_whom(review)}",
        }
    for objective in report.objectives:
        of = {**own, "objective": objective.objective, "unit": objective.unit}
        for window in objective.windows:
            yield from _window_rows(window, of)
        for breach in objective.breaches:
            yield {"record": "breach", **_breach_row(breach, objective), **of}
        for breach in report.adjustments.breaches if report.adjustments else ():
            if breach.objective == objective.objective:
                yield {"record": breach.change, **_breach_row(breach, objective), **of}
    for item in report.exclusions.items or ():
        yield {
            "record": "excluded",
            **own,
            "sla_id": item.sla_id,
            "item": item.item,
            "cycle": item.cycle,
            "known_at": item.at,
            "text": item.why,
        }
    for marked in (*report.exclusions.windows, *report.provisional):
        place = {"sla_id": marked.sla_id, **_span(marked.window)}
        yield {"record": "marked", **own, **place, "text": marked.why}
    for gap in report.exclusions.missing:
        accepted = f"; accepted by {gap.accepted_by}: {gap.why}" if gap.accepted_by else ""
        text = f"{gap.reason}{accepted}"
        yield {"record": "missing", **own, "start": gap.start, "end": gap.until, "text": text}


def _window_rows(window: ReportedWindow, of: _Row) -> Iterator[_Row]:
    place = {
        **of,
        "sla_id": window.sla_id,
        "group": _json(window.group) if window.group else "",
        **_span(window.window),
        "target": _json(window.target),
    }
    yield {
        "record": "window",
        **place,
        "state": window.state,
        "value": window.value,
        "budget_remaining": window.budget_remaining,
        **window.counts,
        "final": window.final,
        "provisional": window.provisional,
        "complete": window.complete,
        "revision": window.revision,
    }
    if window.adjusted:
        now = window.adjusted
        yield {
            "record": "adjusted",
            **place,
            "target": _json(now.target),
            "state": now.state,
            "value": now.value,
            "budget_remaining": now.budget_remaining,
            **now.counts,
            "final": now.final,
            "provisional": now.provisional,
            "revision": now.revision,
            "cause": now.cause,
        }
    for said in window.revisions:
        yield {
            "record": "revision",
            **place,
            "state": said.state,
            "value": said.value,
            "budget_remaining": said.budget_remaining,
            **said.counts,
            "revision": said.revision,
            "cause": said.cause,
            "known_at": said.known_at,
        }


def _by_whom(review: ReviewForm) -> str:
    by = "" if review.by is None else f" by {review.by}"
    return f"{by}: {review.note}" if review.note else by


def _breach_row(breach: ReportedBreach, objective: ReportedObjective) -> _Row:
    return {
        "sla_id": breach.sla_id or (None if objective.group_by else objective.sla_id),
        "group": _json(breach.group) if breach.group else "",
        **({} if breach.window is None else _span(breach.window)),
        "item": breach.item,
        "cycle": breach.cycle,
        "opened_at": breach.opened_at,
        "closed_at": breach.closed_at,
        "lasted_s": breach.lasted_s,
        "confirmed": breach.confirmed,
        "text": f"breach of {'an item' if breach.scope == 'item' else 'a window'}",
    }


def _span(window: WindowForm) -> dict[str, str]:
    return {"start": window.start, "end": window.end}


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
