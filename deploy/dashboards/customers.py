"""Customers: how each one is served, for whoever talks to them."""

from typing import Final

from deploy.dashboards.frame import Dashboard, Section, address, choice, link, processes, way
from deploy.dashboards.health import behind
from deploy.dashboards.panels import (
    Column,
    Json,
    Line,
    Panel,
    graph,
    ranking,
    stat,
    table,
    timeline,
)
from deploy.dashboards.promises import SAME, promise_table
from deploy.dashboards.promql import END, LANES, Promises, among, grown
from deploy.dashboards.states import (
    AT_RISK,
    BREACHED,
    GREY,
    NO_DATA,
    OK,
    STATES,
    VERMILLION,
    State,
    severities,
    steps,
)

_THEIRS: Final = Promises(
    ('sla_type=~"$sla_type"', 'sla_customer=~"$sla_customer"', 'sla_service=~"$sla_service"')
)
_WORST: Final = _THEIRS.worst("sla_customer")
_MOST: Final = 100
"""Customers in a table."""
_DECIDED: Final = "accord_sla_events_total"
_MISSED: Final = "accord_sla_breached_events_total"


def customers() -> Dashboard:
    """The dashboard by those that something is promised to: companies, and teams of one's own."""
    return Dashboard(
        name="customers",
        title="Accord: customers",
        description="How each customer is served: whoever something is promised to, a company or "
        "a team. Choose the kind sla for customers from outside only.",
        hours=7 * 24,
        variables=_variables(),
        links=(
            way(
                "Overview",
                "All agreements, for the customers chosen here",
                address("overview", *SAME, "sla_type", "sla_customer", "sla_service"),
            ),
            way("One agreement", "One agreement in detail", address("agreement", *SAME)),
            way("Pipeline", "Whether the figures are up to date", address("pipeline")),
        ),
        sections=(
            Section("Now", _now()),
            Section("Customers", (_states(), _missing_most(), _figures())),
            Section("Their promises", (promise_table(_THEIRS, height=12),)),
            Section("Over time", (_decided_and_missed(),)),
        ),
    )


def _variables() -> list[Json]:
    known = 'accord_sla_info{job=~"$job", instance=~"$instance"'
    of_kind = f'{known}, sla_type=~"$sla_type"'
    return [
        *processes(hidden=True),
        choice("sla_type", "Kind", f"{known}}}"),
        choice("sla_customer", "Customer", f"{of_kind}}}"),
        choice(
            "sla_service",
            "Service",
            f'{of_kind}, sla_customer=~"$sla_customer"}}',
            everything=".*",
        ),
    ]


def _now() -> list[Panel]:
    def count(own: State, title: str, description: str) -> Panel:
        # `bool`: nobody is 0, and without any figure there is no number.
        return stat(
            title,
            description,
            f"sum ({_WORST} == bool {own.severity})",
            unit="short",
            thresholds=steps((0, OK.colour), (1, own.colour)),
            width=4,
        )

    return [
        stat(
            "Customers",
            "Those that something is promised to.",
            f"count ({_WORST})",
            unit="short",
            thresholds=steps((0, OK.colour)),
            width=4,
        ),
        count(BREACHED, "With a breach", "Customers of whom a promise is broken now."),
        count(AT_RISK, "At risk", "Customers of whom no promise is broken and one is at risk."),
        count(
            NO_DATA,
            "Not all measured",
            "Customers of whom no promise is broken or at risk, and not all are measured.",
        ),
        count(OK, "OK", "Customers of whom every promise holds."),
        behind(),
    ]


def _states() -> Panel:
    to_overview = link(
        "Promises of this customer",
        address("overview", *SAME, sla_customer="${__field.labels.sla_customer:percentencode}"),
    )
    return timeline(
        "States",
        f"The worst state among the promises of each customer, of the {LANES} that are worst at "
        "the end. Grey: none is broken or at risk, and not all are measured.",
        among(_WORST, "sla_customer", LANES, _THEIRS.worst("sla_customer", END)),
        "{{sla_customer}}",
        mappings=severities(of_several=True),
        links=[to_overview],
        width=16,
    )


def _missing_most() -> Panel:
    missed, decided = (
        _THEIRS.summed(grown(counter, "$__range"), "sla_customer")
        for counter in (_MISSED, _DECIDED)
    )
    return ranking(
        "Missed most",
        "What missed its target, as a share of what was decided in the time range that is shown, "
        "over all promises to a customer.",
        f"topk (8, {missed} / ({decided} > 0))",
        "{{sla_customer}}",
        unit="percentunit",
        thresholds=steps((0, OK.colour)),
        full=1,
        width=8,
        height=10,
    )


def _figures() -> Panel:
    def worst(expression: str) -> str:
        return among(expression, "sla_customer", _MOST, _WORST)

    def counted(counter: str) -> str:
        return worst(_THEIRS.summed(grown(counter, "$__range"), "sla_customer"))

    to_overview = link(
        "Promises of this customer",
        address("overview", *SAME, sla_customer="${__data.fields.Customer:percentencode}"),
    )
    columns = (
        Column("Customer", "sla_customer", properties={"links": [to_overview]}),
        Column(
            "Worst state",
            "",
            f"topk ({_MOST}, {_WORST})",
            "none",
            {
                "mappings": severities(of_several=True),
                "custom.cellOptions": {"type": "color-background", "mode": "basic"},
            },
        ),
        *(
            Column(own.title, "", worst(_THEIRS.in_state(own.name, "sla_customer")))
            for own in STATES
        ),
        Column("Decided", "", counted(_DECIDED), properties={"decimals": 0}),
        Column("Missed", "", counted(_MISSED), properties={"decimals": 0}),
    )
    return table(
        "Figures",
        "How many promises of each customer are in which state now; what was decided and missed in "
        f"the time range that is shown. The worst first, {_MOST} at most. A click on a customer "
        "shows its promises.",
        "sla_customer",
        columns,
        unit="short",
        sort_by="Worst state",
        height=9,
    )


def _decided_and_missed() -> Panel:
    def counted(counter: str) -> str:
        return _THEIRS.summed(grown(counter, "$__rate_interval"))

    return graph(
        "Decided and missed",
        "Over all promises to the customers chosen, in each interval. A late event may correct the "
        "past in the reports, never in this graph.",
        [Line(counted(_DECIDED), "decided", GREY), Line(counted(_MISSED), "missed", VERMILLION)],
        unit="short",
        bars=True,
        soft_min=0,
        width=24,
    )
