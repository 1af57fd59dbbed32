"""Overview: which promises hold now, what is at risk and what is broken; can that be believed."""

from typing import Final

from deploy.dashboards.frame import Dashboard, Section, address, choice, link, processes, way
from deploy.dashboards.health import behind, processes_down
from deploy.dashboards.panels import Json, Line, Panel, graph, ranking, stat, timeline
from deploy.dashboards.promises import OVERSPENT, SAME, promise_table, to_labelled_promise
from deploy.dashboards.promql import END, LANES, SCRAPED, Promises, among, each, grown
from deploy.dashboards.states import (
    BLUE,
    OK,
    SKY,
    STATES,
    VERMILLION,
    severities,
    steps,
)

_CHOICES: Final = ("sla_type", "sla_scope", "sla_customer", "sla_service")
_ALL: Final = Promises(tuple(f'{name}=~"${name}"' for name in _CHOICES))
_SHOWN: Final = 8
_LEVELS: Final = {
    "corporate": ("corporate", BLUE),
    "customer": ("customer", VERMILLION),
    "service": ("service", SKY),
}
_MEANING: Final = {
    "breached": "Promises whose current window misses its target.",
    "at_risk": "Promises that still hold and have used up most of their error budget, or are "
    "behind their pace.",
    "no_data": "Promises of which too little was measured in their current window to say "
    "anything. That is not the same as holding.",
    "excluded": "Promises whose current window is excluded.",
    "ok": "Promises that hold in their current window.",
}


def overview() -> Dashboard:
    """The dashboard that opens first."""
    return Dashboard(
        name="overview",
        title="Accord: overview",
        description="Which promises hold now, which are at risk or broken, and since when.",
        hours=24,
        variables=_variables(),
        links=(
            way(
                "One agreement",
                "The promises of an agreement over time, and one of them in detail",
                address("agreement", *SAME),
            ),
            way(
                "Customers",
                "How each customer is served",
                address("customers", *SAME, "sla_type", "sla_customer", "sla_service"),
            ),
            way("Pipeline", "Whether the figures are up to date", address("pipeline")),
        ),
        sections=(
            Section("Now", _now()),
            Section("Where to look", _where_to_look()),
            Section("Promises", (promise_table(_ALL, height=13),)),
            Section("Over time", _over_time()),
        ),
    )


def _variables() -> list[Json]:
    made = processes(hidden=True)
    narrowed: tuple[str, ...] = SCRAPED
    for name, label in zip(_CHOICES, ("Kind", "Level", "Customer", "Service"), strict=True):
        # `.*`: a promise about all services has none, and is among all.
        made.append(
            choice(name, label, f"accord_sla_info{{{', '.join(narrowed)}}}", everything=".*")
        )
        narrowed = (*narrowed, f'{name}=~"${name}"')
    return made


def _now() -> list[Panel]:
    to_pipeline = (link("Pipeline", address("pipeline")),)
    states = [
        stat(
            own.title,
            _MEANING[own.name],
            _ALL.in_state(own.name),
            unit="short",
            thresholds=steps(
                (0, OK.colour if own.severity > OK.severity else own.colour), (1, own.colour)
            ),
        )
        for own in STATES
    ]
    stale = stat(
        "Stale",
        "Promises whose state is older than allowed or not proven yet: what this page says of "
        "them was so, and may have changed.",
        _ALL.summed(each("accord_sla_stale")),
        unit="short",
        thresholds=steps((0, OK.colour), (1, VERMILLION)),
        links=to_pipeline,
    )
    return [*states, stale, behind(to_pipeline), processes_down(to_pipeline)]


def _where_to_look() -> list[Panel]:
    to_agreement = link(
        "This agreement",
        address("agreement", *SAME, agreement="${__field.labels.agreement:percentencode}"),
    )
    left = _ALL.chosen(each("accord_sla_error_budget_remaining_ratio"), "agreement")
    burning = _ALL.chosen(each("accord_sla_burn_rate_ratio"), "agreement")
    return [
        timeline(
            "Agreements",
            f"The worst state among the promises of each agreement, of the {LANES} that are worst "
            "at the end. Grey: none is broken or at risk, and not all are measured. A click opens "
            "the agreement.",
            among(_ALL.worst("agreement"), "agreement", LANES, _ALL.worst("agreement", END)),
            "{{agreement}}",
            mappings=severities(of_several=True),
            links=[to_agreement],
            width=12,
            height=12,
        ),
        ranking(
            "Error budgets most used up",
            "The share of the error budget of the current window that is used: at 100 % nothing "
            "more may be missed, above it the promise is broken.",
            f"topk ({_SHOWN}, 1 - {left})",
            "{{sla_id}}",
            unit="percentunit",
            thresholds=OVERSPENT,
            full=1,
            links=[to_labelled_promise()],
            width=6,
            height=12,
        ),
        ranking(
            "Burning fastest",
            "The share missed of what was decided in the current window, divided by the share that "
            "may be: above 1 the window ends breached if it goes on like that.",
            f"topk ({_SHOWN}, {burning})",
            "{{sla_id}}",
            unit="none",
            thresholds=OVERSPENT,
            links=[to_labelled_promise()],
            width=6,
            height=12,
        ),
    ]


def _over_time() -> list[Panel]:
    missed = _ALL.summed(grown("accord_sla_breached_events_total", "$__rate_interval"), "sla_scope")
    return [
        graph(
            "Promises by state",
            "How many promises were in each state.",
            [
                Line(
                    _ALL.by_state(),
                    "{{state}}",
                    names={own.name: (own.text, own.colour) for own in STATES},
                )
            ],
            unit="short",
            stacked=True,
            soft_min=0,
        ),
        graph(
            "Missed, by level",
            "Clocks that ran past their target, and what missed in a ratio, in each interval. A "
            "late event may correct the past in the reports, never in this graph.",
            [Line(missed, "{{sla_scope}}", names=_LEVELS)],
            unit="short",
            bars=True,
            stacked=True,
            soft_min=0,
        ),
    ]
