"""What several dashboards show of promises: their table, and figures of one."""

from collections.abc import Iterator
from typing import Final

from deploy.dashboards.frame import address, link
from deploy.dashboards.panels import Column, Json, Panel, table
from deploy.dashboards.promql import Promises, among, each, of
from deploy.dashboards.states import OK, VERMILLION, severities, steps

ONE: Final = 'sla_id="$sla_id"'
"""The promise that is chosen, where one is."""
TIMES: Final = 'sla_method=~"percentile|mean"'
"""What has a value in seconds of the promises whose value is no share …"""
AMOUNTS: Final = 'sla_method!~"percentile|mean"'
"""… and the others: a count, a sum, a mean of amounts."""
SAME: Final = ("job", "instance")
"""Variables that dashboards of agreements hand on to each other: all show what the api says."""

SEVERITY: Final = steps((0, OK.colour))
"""A severity's colour is its mapping's; these are for a number that has none."""
_MOST: Final = 100
"""Rows of a table: the next ones are found by choosing fewer promises."""
OVERSPENT: Final = steps((0, OK.colour), (1, VERMILLION))
"""Of a share of an error budget, and of a rate at which it burns: 1 is all of it."""


_METHODS: Final[Json] = {
    "type": "value",
    "options": {
        method: {"text": text, "index": place}
        for place, (method, text) in enumerate(
            {
                "within": "share within a time",
                "percentile": "percentile at most",
                "mean": "mean at most",
                "at_least": "at least",
                "at_most": "at most",
            }.items()
        )
    },
}


def to_promise() -> Json:
    """From a row of a table to the dashboard of its agreement, on this promise."""
    path = address(
        "agreement",
        *SAME,
        agreement="${__data.fields.Agreement:percentencode}",
        sla_id="${__data.fields.Promise:percentencode}",
    )
    return link("This promise", path)


def to_labelled_promise() -> Json:
    """The same from a bar or a lane, whose series has the labels `agreement` and `sla_id`."""
    path = address(
        "agreement",
        *SAME,
        agreement="${__field.labels.agreement:percentencode}",
        sla_id="${__field.labels.sla_id:percentencode}",
    )
    return link("This promise", path)


def promise_table(promises: Promises, *, height: int) -> Panel:
    """The chosen promises with state and figures, the worst first; not more than can be read."""
    description = (
        f"Promises in their current windows, the worst first, {_MOST} at most: a share, or else an "
        "amount (a count, a sum, a mean) or a time, beside what was promised. Budget left is "
        "negative where it is overspent. Complete is the share of the window so far of which no "
        "record is known to be missing. A click on a promise opens its agreement."
    )
    return table(
        "Promises, worst first",
        description,
        "sla_id",
        (*_described(promises), *_figures(promises)),
        unit="none",
        sort_by="State",
        height=height,
    )


def _described(promises: Promises) -> Iterator[Column]:
    labels = ("agreement", "sla_customer", "sla_service", "kpi", "sla_method", "sla_window")
    shown = {
        "mappings": severities(),
        "custom.cellOptions": {"type": "color-background", "mode": "basic"},
        "custom.width": 110,
    }
    states = f"topk ({_MOST}, {promises.severities(*labels)})"
    yield Column("State", "", states, "none", shown)
    opening = {"custom.minWidth": 300, "links": [to_promise()]}
    yield Column("Promise", "sla_id", properties=opening)
    yield Column("Agreement", "agreement")
    yield Column("Customer", "sla_customer")
    yield Column("Service", "sla_service")
    yield Column("KPI", "kpi")
    yield Column("Target", "sla_method", properties={"mappings": [_METHODS]})
    yield Column("Window", "sla_window")


def _figures(promises: Promises) -> Iterator[Column]:
    def figure(title: str, metric: str, unit: str, kind: str = "", **properties: int) -> Column:
        of_kind = Promises((*promises.matchers, kind)) if kind else promises
        values = of_kind.chosen(each(metric))
        shown = among(values, "sla_id", _MOST, promises.severities())
        return Column(title, "", shown, unit, properties)

    share = "percentunit"
    yield figure("Attained", "accord_sla_value_ratio", share, decimals=2)
    yield figure("Promised", "accord_sla_objective_ratio", share, decimals=2)
    yield figure("Budget left", "accord_sla_error_budget_remaining_ratio", share, decimals=2)
    yield figure("Burn rate", "accord_sla_burn_rate_ratio", "none", decimals=2)
    yield figure("Amount", "accord_sla_value", "short", AMOUNTS)
    yield figure("Promised amount", "accord_sla_objective_value", "short", AMOUNTS)
    yield figure("Time", "accord_sla_value", "s", TIMES)
    yield figure("Promised time", "accord_sla_objective_value", "s", TIMES)
    yield figure("Complete", "accord_sla_coverage_ratio", share, decimals=1)
    yield figure("Stale", "accord_sla_stale", "bool_yes_no")


def of_one(metric: str, *matchers: str) -> str:
    """The value of the promise that is chosen, whichever replica says it."""
    return f"max ({of(metric, ONE, *matchers)})"
