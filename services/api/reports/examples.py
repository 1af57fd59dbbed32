"""A report and the list of reports, for the OpenAPI document."""

from collections.abc import Mapping
from typing import Any, Final

from services.api.answering.examples import VALUE

_VALUE: Final[Mapping[str, Any]] = VALUE
_NOT_IN_A_REPORT: Final = frozenset({"since", "breach_id", "freshness", "as_of"})
_WINDOW: Final = {name: member for name, member in _VALUE.items() if name not in _NOT_IN_A_REPORT}
_PARTIES: Final = {"provider": "support", "customer": "acme"}
_TOTALS: Final = {
    "windows": 1,
    "states": {"ok": 1, "at_risk": 0, "breached": 0, "no_data": 0, "excluded": 0},
    "final": 1,
    "provisional": 0,
    "restated": 0,
    "counts": None,
    "value": None,
    "breaches": {"windows": 0, "items": 1, "open": 0, "unconfirmed": 0},
}
REPORT: Final[Mapping[str, object]] = {
    "agreement": "acme-support",
    "level": "customer",
    "type": "sla",
    "parties": _PARTIES,
    "calendar": "berlin-office",
    "period": {
        "name": "2026-03",
        "start": _WINDOW["window"]["start"],
        "end": _WINDOW["window"]["end"],
        "time_zone": "Europe/Berlin",
    },
    "as_of": "2026-04-02T08:00:00Z",
    "freshness": "live",
    "documents": {
        "digest": "8d3f0c8d4a3f6ea9b02f1d7f7b7a9a2e8f1a52f4d4a3f0f3b1f7b9c4f1e2d3c4",
        "content": "1f7b9c4f1e2d3c48d3f0c8d4a3f6ea9b02f1d7f7b7a9a2e8f1a52f4d4a3f0f3b",
    },
    "versions": [
        {
            "effective": {"from": "2026-01-01T00:00:00Z"},
            "level": "customer",
            "type": "sla",
            "parties": _PARTIES,
            "calendar": "berlin-office",
            "time_zone": "Europe/Berlin",
        }
    ],
    "totals": _TOTALS,
    "objectives": [
        {
            "sla_id": "acme-support/first-response-p1",
            "objective": "first-response-p1",
            "kpi": "ticket-first-response",
            "measure": "duration",
            "unit": "ratio",
            "promise": "at least 95 % within 1 h",
            "target": _WINDOW["target"],
            "window": {"calendar": "month", "timeZone": "Europe/Berlin"},
            "group_by": [],
            "period": _WINDOW["window"],
            "totals": {**_TOTALS, "counts": _WINDOW["counts"], "value": "0.975"},
            "windows": [_WINDOW],
            "breaches": [
                {
                    "scope": "item",
                    "sla_id": None,
                    "group": None,
                    "window": None,
                    "item": "ticket:T-9",
                    "cycle": 1,
                    "opened_at": "2026-03-04T10:00:00Z",
                    "closed_at": "2026-03-04T11:30:00Z",
                    "lasted_s": 5400,
                    "breach_id": "5f0c1b0e-5a43-5c36-9d5e-2f3b7f6a1d10",
                    "confirmed": True,
                    "detected_at": "2026-03-04T10:00:00.2Z",
                }
            ],
        }
    ],
    "exclusions": {"items_total": 0, "items": [], "windows": [], "missing": []},
    "provisional": [],
}
REPORT_CSV: Final = (
    "record,agreement,objective,sla_id,group,start,end,state,value,unit,target,…\r\n"
    "window,acme-support,first-response-p1,acme-support/first-response-p1,,"
    "2026-02-28T23:00:00Z,2026-03-31T22:00:00Z,ok,0.975,ratio,…\r\n"
)
REPORT_HTML: Final = (
    '<!doctype html>\n<html lang="en">\n<head>\n<title>acme-support, 2026-03</title>…</html>\n'
)
REPORTS: Final[Mapping[str, object]] = {
    "items": [
        {
            "agreement": "acme-support",
            "level": "customer",
            "type": "sla",
            "parties": _PARTIES,
            "time_zone": "Europe/Berlin",
            "months": ["2026-03", "2026-02"],
        }
    ],
    "next": None,
    "as_of": "2026-04-02T08:00:00Z",
}
