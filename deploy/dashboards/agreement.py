"""One agreement: how its promises stand and stood, and one of them in detail."""

from typing import Final

from deploy.dashboards.frame import Dashboard, Section, address, choice, link, processes, way
from deploy.dashboards.health import behind
from deploy.dashboards.panels import Json, Line, Panel, graph, stat, timeline
from deploy.dashboards.promises import (
    AMOUNTS,
    ONE,
    OVERSPENT,
    SAME,
    SEVERITY,
    TIMES,
    of_one,
    promise_table,
)
from deploy.dashboards.promql import END, LANES, Promises, among, each, of, severity
from deploy.dashboards.states import (
    BLUE,
    GREY,
    OK,
    VERMILLION,
    severities,
    steps,
)

_ITS: Final = Promises(('agreement="$agreement"',))


def agreement() -> Dashboard:
    """The dashboard of one agreement and one of its promises."""
    return Dashboard(
        name="agreement",
        title="Accord: one agreement",
        description="The promises of an agreement now and over time, and one of them in detail.",
        hours=7 * 24,
        variables=_variables(),
        links=(
            way("Overview", "All agreements", address("overview", *SAME)),
            way("Customers", "How each customer is served", address("customers", *SAME)),
            way("Pipeline", "Whether the figures are up to date", address("pipeline")),
        ),
        sections=(
            Section("All promises of $agreement", _all_promises()),
            Section("$sla_id now", _now()),
            Section("$sla_id over time", _over_time()),
        ),
    )


def _variables() -> list[Json]:
    known = 'accord_sla_info{job=~"$job", instance=~"$instance"'
    return [
        *processes(hidden=True),
        choice("agreement", "Agreement", f"{known}}}", several=False),
        choice("sla_id", "Promise", f'{known}, agreement="$agreement"}}', several=False),
    ]


def _all_promises() -> list[Panel]:
    here = link(
        "This promise",
        address(
            "agreement",
            *SAME,
            "agreement",
            sla_id="${__field.labels.sla_id:percentencode}",
        ),
    )
    return [
        timeline(
            "States",
            f"The state of each promise's window that was current then, of the {LANES} promises "
            "that are worst at the end. A click chooses the promise that is shown below.",
            among(_ITS.severities(), "sla_id", LANES, _ITS.severities(at=END)),
            "{{sla_id}}",
            mappings=severities(),
            links=[here],
            height=9,
        ),
        promise_table(_ITS, height=9),
    ]


def _now() -> list[Panel]:
    left = of_one("accord_sla_error_budget_remaining_ratio")
    return [
        stat(
            "State",
            "The state of the current window.",
            f"max ({severity(ONE)})",
            unit="none",
            thresholds=SEVERITY,
            mappings=severities(),
            width=4,
        ),
        stat(
            "Budget used",
            "The share of the error budget of the current window that is used: above 100 % the "
            "promise is broken. No data where a promise has no such budget.",
            f"1 - {left}",
            unit="percentunit",
            thresholds=OVERSPENT,
            width=4,
        ),
        stat(
            "Burn rate",
            "The share missed of what was decided in the current window, divided by the share that "
            "may be.",
            of_one("accord_sla_burn_rate_ratio"),
            unit="none",
            thresholds=OVERSPENT,
            width=4,
        ),
        *_lately(),
    ]


def _lately() -> list[Panel]:
    return [
        stat(
            "Decided",
            "Clocks decided, events counted, or the total of a ratio in the time range that is "
            "shown, whatever window they belong to.",
            _counted("accord_sla_events_total", "$__range"),
            unit="short",
            thresholds=steps((0, OK.colour)),
            width=3,
        ),
        stat(
            "Missed",
            "What of that missed its target.",
            _counted("accord_sla_breached_events_total", "$__range"),
            unit="short",
            thresholds=steps((0, OK.colour), (1, VERMILLION)),
            width=3,
        ),
        stat(
            "Stale",
            "Whether the state is older than allowed or not proven yet.",
            of_one("accord_sla_stale"),
            unit="bool_yes_no",
            thresholds=steps((0, OK.colour), (1, VERMILLION)),
            width=3,
        ),
        behind(),
    ]


def _counted(counter: str, over: str) -> str:
    return f"max (increase({of(counter, ONE)}[{over}]))"


def _over_time() -> list[Panel]:
    return [
        graph(
            "Attained and promised",
            "The value of the window that was current then, and its target: a share, a time, or "
            "an amount. Nothing is drawn while nothing was decided.",
            [
                *_against("accord_sla_value_ratio", "accord_sla_objective_ratio", "percentunit"),
                *_against_amount(TIMES, "s"),
                *_against_amount(AMOUNTS, "short"),
            ],
            unit="short",
            width=24,
            height=9,
        ),
        graph(
            "Error budget left",
            "The share of the error budget of the window that was current then; below zero it is "
            "overspent by that much.",
            [Line(of_one("accord_sla_error_budget_remaining_ratio"), "left", BLUE)],
            unit="percentunit",
            marked=_marked_at(0),
            width=8,
        ),
        graph(
            "Burn rate",
            "Above 1 the window ends breached if it goes on like that.",
            [Line(of_one("accord_sla_burn_rate_ratio"), "burn rate", BLUE)],
            unit="none",
            soft_min=0,
            marked=_marked_at(1),
            width=8,
        ),
        _decided_and_missed(),
    ]


def _decided_and_missed() -> Panel:
    decided, missed = (
        _counted(counter, "$__rate_interval")
        for counter in ("accord_sla_events_total", "accord_sla_breached_events_total")
    )
    return graph(
        "Decided and missed",
        "In each interval, whatever window they belong to. A late event may correct the past in "
        "the reports, never in this graph.",
        [Line(decided, "decided", GREY), Line(missed, "missed", VERMILLION)],
        unit="short",
        bars=True,
        soft_min=0,
        width=8,
    )


def _marked_at(value: float) -> Json:
    """Thresholds that draw one line, where something is used up by its definition."""
    return {
        "mode": "absolute",
        "steps": [
            {"value": None, "color": "transparent"},
            {"value": value, "color": VERMILLION},
        ],
    }


def _against(value: str, target: str, unit: str) -> list[Line]:
    return [
        Line(of_one(value), "attained", BLUE, unit=unit),
        Line(of_one(target), "promised", VERMILLION, dashed=True, unit=unit),
    ]


def _against_amount(kind: str, unit: str) -> list[Line]:
    of_kind = Promises((ONE, kind))

    def one(metric: str) -> str:
        return f"max ({of_kind.chosen(each(metric, ONE))})"

    return [
        Line(one("accord_sla_value"), "attained", BLUE, unit=unit),
        Line(one("accord_sla_objective_value"), "promised", VERMILLION, dashed=True, unit=unit),
    ]
