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
    "complete": True,
    "revision": 1,
    "provisional": False,
    "as_of": _AS_OF,
}
_APPLIED: Final = {
    "kpi": "ticket-first-response",
    "type": "sla",
    "level": "customer",
    "precedence": 0,
    "provider": "support",
    "customer": "acme",
    "version_from": "2026-01-01T00:00:00Z",
    "version_until": None,
    "calendar": "always",
    "time_zone": "UTC",
}
EXPLAINED_STATE: Final = {
    **STATE,
    "explain": {
        **_APPLIED,
        "text": [
            (
                "support promises acme for ticket-first-response: at least 95 % within 1 h "
                "(agreement acme-support, customer level, version from 2026-01-01T00:00:00Z, "
                "calendar always)."
            ),
            "From 2026-02-28T23:00:00Z to 2026-03-31T22:00:00Z: 39 of 40 decided were in time.",
            "The promise is kept (final): 97.5 %.",
            "Of a budget of 2, 1 is used: 50 %.",
        ],
        "formula": "met / (met + breached) = 39 / 40",
        "rule": "ok: met 39 >= 0.95 x 40, final",
        "minimum": 1,
        "rank": None,
        "budget": {"missed": "1", "allowed": "2", "consumed": "0.5"},
        "pace": None,
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
    "acknowledged": {
        "at": "2026-03-04T10:05:00Z",
        "by": "shift-lead",
        "note": "the customer knows; we answer by noon",
    },
}
_CONTENDER: Final = {
    "agreement": "acme-support",
    "objective": "first-response-p1",
    "type": "sla",
    "level": "customer",
    "precedence": 0,
    "state": "met",
    "binding": True,
    "why": "binds: no other agreement of type sla has a claim here",
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
                **_APPLIED,
                "target": {"within": "PT1H", "ratio": "0.95"},
                "came_under_at": "2026-03-02T09:00:00Z",
                "target_open_s": 3600,
                "text": [
                    (
                        "support promises acme for ticket-first-response: within 1 h, in the hours "
                        "of calendar always (agreement acme-support, objective first-response-p1, "
                        "customer level, version from 2026-01-01T00:00:00Z)."
                    ),
                    (
                        "Cycle 1 runs from 2026-03-02T09:00:00Z to 2026-03-02T09:45:00Z: 45 min "
                        "counted."
                    ),
                    "Met: stopped 2026-03-02T09:45:00Z by ticket.replied, 15 min to spare.",
                    "Binds: no other agreement of type sla has a claim here.",
                ],
                "intervals": [
                    {
                        "start": "2026-03-02T09:00:00Z",
                        "end": "2026-03-02T09:45:00Z",
                        "activity": "running",
                        "seconds": 2700,
                        "cause": "open",
                        "reason": "within the hours of Monday",
                    }
                ],
                "happened": [
                    {
                        "at": "2026-03-02T09:00:00Z",
                        "what": "started",
                        "event": {"id": "e-1", "source": "/helpdesk", "type": "ticket.created"},
                        "text": "ticket.created began cycle 1",
                    },
                    {
                        "at": "2026-03-02T09:45:00Z",
                        "what": "stopped",
                        "event": {"id": "e-2", "source": "/helpdesk", "type": "ticket.replied"},
                        "text": "ticket.replied stopped it",
                    },
                ],
                "alternatives": [
                    {
                        "objective": "first-response-p1",
                        "chosen": True,
                        "text": "the first that matches: customer is acme and priority is p1",
                    }
                ],
                "levels": [_CONTENDER],
            },
        }
    ],
    "levels": [{"kpi": "ticket-first-response", "cycle": 1, "promises": [_CONTENDER]}],
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
            "measure": "duration",
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
_MEMBER: Final = {
    "item": "ticket:T-1",
    "cycle": 1,
    "outcome": "met",
    "at": "2026-03-02T09:45:00Z",
    "amount": None,
    "elapsed_s": 2700,
}
_COUNTS: Final = {
    "eligible": 20,
    "excluded": 0,
    "running": 0,
    "met": 18,
    "breached_open": 0,
    "breached_closed": 2,
}
_TARGET: Final = {"within": "PT4H", "ratio": "0.9"}
_COMPARISON: Final = {
    "kpi": "time-to-repair",
    "window": {"start": "2026-02-28T23:00:00Z", "end": _AS_OF},
    "group": {},
    "sides": [
        {
            "sla_id": "own-repair/repair",
            "agreement": "own-repair",
            "objective": "repair",
            "type": "ola",
            "level": "service",
            "provider": "operations",
            "customer": "support",
            "value": "0.9",
            "unit": "ratio",
            "state": "ok",
            "target": _TARGET,
            "counts": _COUNTS,
        },
        {
            "sla_id": "vendor-repair/repair",
            "agreement": "vendor-repair",
            "objective": "repair",
            "type": "uc",
            "level": "service",
            "provider": "vendor",
            "customer": "support",
            "value": "0.85",
            "unit": "ratio",
            "state": "breached",
            "target": _TARGET,
            "counts": {**_COUNTS, "met": 17, "breached_closed": 3},
        },
    ],
    "differences": [
        {
            "provider": "vendor-repair/repair",
            "internal": "own-repair/repair",
            "value": "-0.05",
            "unit": "ratio",
            "better": "internal",
        }
    ],
    "text": [
        "operations (ola, own-repair/repair): 90 %, ok; promised is at least 90 % within 4 h.",
        "vendor (uc, vendor-repair/repair): 85 %, breached; promised is at least 90 % within 4 h.",
        "operations does better than vendor by 5 percentage points.",
    ],
}


def _page(item: Mapping[str, object]) -> dict[str, object]:
    return {"items": [item], "next": None, "as_of": _AS_OF}


STATES: Final = _page(STATE)
VALUES: Final = _page(VALUE)
BREACHES: Final = _page(BREACH)
AGREEMENTS: Final = _page(_SUMMARY)
MEMBERS: Final = _page(_MEMBER)
COMPARISONS: Final = _page(_COMPARISON)
