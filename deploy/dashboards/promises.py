"""What several dashboards show of promises: their table, and figures of one."""

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
    labels = ("agreement", "sla_customer", "sla_service", "kpi", "sla_method", "sla_window")

    def worst(expression: str) -> str:
        return among(expression, "sla_id", _MOST, promises.severities())

    def figure(title: str, metric: str, unit: str, **properties: object) -> Column:
        return Column(title, "", worst(promises.chosen(each(metric))), unit, properties)

    def amount(title: str, metric: str, kind: str, unit: str) -> Column:
        of_kind = Promises((*promises.matchers, kind))
        return Column(title, "", worst(of_kind.chosen(each(metric))), unit)

    columns = (
        Column(
            "State",
            "",
            f"topk ({_MOST}, {promises.severities(*labels)})",
            "none",
            {
                "mappings": severities(),
                "custom.cellOptions": {"type": "color-background", "mode": "basic"},
                "custom.width": 110,
            },
        ),
        Column("Promise", "sla_id", properties={"custom.minWidth": 300, "links": [to_promise()]}),
        Column("Agreement", "agreement"),
        Column("Customer", "sla_customer"),
        Column("Service", "sla_service"),
        Column("KPI", "kpi"),
        Column("Target", "sla_method", properties={"mappings": [_METHODS]}),
        Column("Window", "sla_window"),
        figure("Attained", "accord_sla_value_ratio", "percentunit", decimals=2),
        figure("Promised", "accord_sla_objective_ratio", "percentunit", decimals=2),
        figure("Budget left", "accord_sla_error_budget_remaining_ratio", "percentunit", decimals=2),
        figure("Burn rate", "accord_sla_burn_rate_ratio", "none", decimals=2),
        amount("Amount", "accord_sla_value", AMOUNTS, "short"),
        amount("Promised amount", "accord_sla_objective_value", AMOUNTS, "short"),
        amount("Time", "accord_sla_value", TIMES, "s"),
        amount("Promised time", "accord_sla_objective_value", TIMES, "s"),
        figure("Stale", "accord_sla_stale", "bool_yes_no"),
    )
    description = (
        f"Promises in their current windows, the worst first, {_MOST} at most: a share, or else an "
        "amount (a count, a sum, a mean) or a time, beside what was promised. Budget left is "
        "negative where it is overspent. A click on a promise opens its agreement."
    )
    return table(
        "Promises, worst first",
        description,
        "sla_id",
        columns,
        unit="none",
        sort_by="State",
        height=height,
    )


def of_one(metric: str, *matchers: str) -> str:
    """The value of the promise that is chosen, whichever replica says it."""
    return f"max ({of(metric, ONE, *matchers)})"
