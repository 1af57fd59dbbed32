"""An answer of each operation, for the OpenAPI document."""

from collections.abc import Mapping
from typing import Final

_AS_OF: Final = "2026-03-31T22:00:00Z"
STATE: Final[Mapping[str, object]] = {
    "sla_id": "acme-support/first-response-p1",
    "agreement": "acme-support",
    "objective": "first-response-p1",
    "level": "customer",
    "group": {},
    "window": {"start": "2026-02-28T23:00:00Z", "end": _AS_OF},
    "final": True,
    "value": "0.975",
    "target": {"within": "PT1H", "ratio": "0.95"},
    "state": "ok",
    "budget_remaining": "0.5",
    "counts": {
        "eligible": 40,
        "excluded": 0,
        "running": 0,
        "met": 39,
        "breached_open": 0,
        "breached_closed": 1,
    },
    "since": "2026-03-02T09:45:00Z",
    "breach_id": None,
    "freshness": "live",
    "revision": 1,
    "provisional": False,
    "as_of": _AS_OF,
}
EXPLAINED_STATE: Final = {
    **STATE,
    "explain": {
        "formula": "met / (met + breached) = 39 / 40; kept from 0.95 on; "
        "budget consumed = breached / ((1 - ratio) x decided) = 1 / (0.05 x 40)",
        "level": "customer",
        "version_from": "2026-01-01T00:00:00Z",
        "calendar": "berlin-office",
        "minimum": 1,
    },
}
VALUE: Final = {
    **STATE,
    "revisions": [
        {
            "revision": 1,
            "cause": "final",
            "known_at": "2026-03-31T22:05:00Z",
            **{name: STATE[name] for name in ("state", "value", "budget_remaining", "counts")},
        }
    ],
}
BREACH: Final = {
    "scope": "item",
    "agreement": "acme-support",
    "objective": "first-response-p1",
    "item": "ticket:T-9",
    "cycle": 1,
    "opened_at": "2026-03-04T10:00:00Z",
    "closed_at": None,
    "breach_id": "5f0c1b0e-5a43-5c36-9d5e-2f3b7f6a1d10",
    "confirmed": True,
    "detected_at": "2026-03-04T10:00:00.2Z",
}
ITEM: Final = {
    "item": "ticket:T-1",
    "kind": "ticket",
    "subject": "T-1",
    "as_of": _AS_OF,
    "freshness": "live",
    "clocks": [
        {
            "agreement": "acme-support",
            "objective": "first-response-p1",
            "item": "ticket:T-1",
            "cycle": 1,
            "state": "met",
            "at_risk": False,
            "binding": True,
            "started_at": "2026-03-02T09:00:00Z",
            "stopped_at": "2026-03-02T09:45:00Z",
            "due_at": "2026-03-02T10:00:00Z",
            "due_last": "2026-03-02T10:00:00Z",
            "breached_at": None,
            "elapsed_s": 2700,
            "paused_s": 0,
            "remaining_s": 900,
            "target_s": 3600,
            "explain": {
                "level": "customer",
                "version_from": "2026-01-01T00:00:00Z",
                "calendar": "always",
                "came_under_at": "2026-03-02T09:00:00Z",
                "target_open_s": 3600,
                "intervals": [
                    {
                        "start": "2026-03-02T09:00:00Z",
                        "end": "2026-03-02T09:45:00Z",
                        "activity": "running",
                        "seconds": 2700,
                    }
                ],
            },
        }
    ],
}
_SUMMARY: Final = {
    "agreement": "acme-support",
    "level": "customer",
    "type": "sla",
    "parties": {"provider": "support", "customer": "acme"},
    "precedence": 0,
    "calendar": "berlin-office",
    "effective": {"from": "2026-01-01T00:00:00Z"},
    "objectives": [
        {
            "sla_id": "acme-support/first-response-p1",
            "objective": "first-response-p1",
            "kpi": "ticket-first-response",
            "target": {"within": "PT1H", "ratio": "0.95"},
            "window": {"calendar": "month", "timeZone": "Europe/Berlin"},
            "group_by": [],
        }
    ],
}
AGREEMENT: Final = {
    **_SUMMARY,
    "versions": [{**_SUMMARY, "document": {"level": "customer", "calendar": "berlin-office"}}],
}


def _page(item: Mapping[str, object]) -> dict[str, object]:
    return {"items": [item], "next": None, "as_of": _AS_OF}


STATES: Final = _page(STATE)
VALUES: Final = _page(VALUE)
BREACHES: Final = _page(BREACH)
AGREEMENTS: Final = _page(_SUMMARY)
