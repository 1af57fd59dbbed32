"""The rules of Grafana's dashboard-linter, each as a question whose answers are complaints.

The linter is a program that no package brings. Rules are asked of every type of panel, also where
it asks fewer. Its two rules for LogQL need Loki: here no query may go to another source.
"""

import re
from collections.abc import Callable, Iterable

from tests.deploy.boards import (
    LABEL_VALUES,
    Json,
    panels,
    query_variables,
    selected,
    targets,
    variables,
)
from tests.deploy.promql import RATE_INTERVAL, parse, selectors

Complaints = Iterable[str]
Rule = Callable[[Json], Complaints]

UNITS = {"bool_yes_no", "bytes", "cps", "none", "ops", "percentunit", "reqps", "s", "short"}
"""Of the ids that Grafana knows, those that we use."""
SOURCES = {"$datasource", "${datasource}"}
WITHOUT_QUERIES = {"row", "text"}
GROWTH = {"rate", "irate", "increase"}
FIXED = re.compile(r"\[(?!\$__auto\])")


def template_datasource(dashboard: Json) -> Complaints:
    """One variable chooses the data source."""
    own = [one for one in dashboard["templating"]["list"] if one["type"] == "datasource"]
    if [one["name"] for one in own] not in (["datasource"], ["prometheus_datasource"]):
        yield f"the data source's variables are {[one['name'] for one in own]}"
    for one in own:
        if one["label"] != "Data source" or one["query"] != "prometheus":
            yield f"{one['name']} has the label {one['label']!r} and the query {one['query']!r}"


def _template(dashboard: Json, name: str, label: str) -> Complaints:
    own = variables(dashboard).get(name)
    if own is None:
        yield f"there is no variable {name}"
        return
    wanted = {"type": "query", "label": label, "multi": True, "allValue": ".+"}
    for member, value in wanted.items():
        if own.get(member) != value:
            yield f"{name}: {member} is {own.get(member)!r}, not {value!r}"
    if own["datasource"]["uid"] not in SOURCES:
        yield f"{name} asks {own['datasource']['uid']!r}"


def template_job(dashboard: Json) -> Complaints:
    """A variable chooses the jobs."""
    return _template(dashboard, "job", "Job")


def template_instance(dashboard: Json) -> Complaints:
    """A variable chooses the instances."""
    return _template(dashboard, "instance", "Instance")


def template_on_time_change_reload(dashboard: Json) -> Complaints:
    """The values of variables are asked for anew with the time range."""
    return [own["name"] for own in query_variables(dashboard) if own["refresh"] != 2]


def template_label_promql(dashboard: Json) -> Complaints:
    """What variables ask is PromQL."""
    for own in query_variables(dashboard):
        found = LABEL_VALUES.fullmatch(own["query"]["query"])
        if found is None:
            yield f"{own['name']} asks {own['query']['query']!r}"
            continue
        try:
            parse(found["selector"])
        except ValueError as error:
            yield f"{own['name']}: {error}"


def panel_datasource(dashboard: Json) -> Complaints:
    """Panels and their queries use the variable."""
    for panel in panels(dashboard):
        for asking in (panel, *panel["targets"]):
            if asking["datasource"]["uid"] not in SOURCES:
                yield f"{panel['title']} asks {asking['datasource']['uid']!r}"


def panel_title_description(dashboard: Json) -> Complaints:
    """Panels say what they show."""
    for panel in panels(dashboard):
        if not (panel.get("title") and panel.get("description")):
            yield f"panel {panel['id']} lacks title or description"


def panel_units(dashboard: Json) -> Complaints:
    """Panels have a unit that Grafana knows, and so have single columns and lines."""
    for panel in panels(dashboard):
        units = [panel["fieldConfig"]["defaults"].get("unit")]
        for override in panel["fieldConfig"]["overrides"]:
            units += [own["value"] for own in override["properties"] if own["id"] == "unit"]
        for unit in units:
            if unit not in UNITS:
                yield f"{panel['title']}: unit {unit!r}"


def panel_no_targets(dashboard: Json) -> Complaints:
    """Panels ask something."""
    return [
        own["title"]
        for own in panels(dashboard)
        if own["type"] not in WITHOUT_QUERIES and not own["targets"]
    ]


def target_promql(dashboard: Json) -> Complaints:
    """What they ask is PromQL."""
    for title, target in targets(dashboard):
        try:
            parse(target["expr"])
        except ValueError as error:
            yield f"{title}: {error}"


def target_rate_interval(dashboard: Json) -> Complaints:
    """Rates are taken over `$__rate_interval`."""
    [interval] = selectors(parse(f"x[{RATE_INTERVAL}]"))
    for title, own in selected(dashboard):
        if own.functions[-1:] in {("rate",), ("irate",)} and own.range_s != interval.range_s:
            yield f"{title}: {own.functions[-1]} of {own.name} over {own.range_s} s"


def _matched(dashboard: Json, matcher: str) -> Complaints:
    for title, own in selected(dashboard):
        if matcher not in own.matchers:
            yield f"{title}: {own.name} lacks {matcher}"


def target_job(dashboard: Json) -> Complaints:
    """Every selector asks for the jobs that were chosen."""
    return _matched(dashboard, "job=~$job")


def target_instance(dashboard: Json) -> Complaints:
    """Every selector asks for the instances that were chosen."""
    return _matched(dashboard, "instance=~$instance")


def target_counter_agg(dashboard: Json) -> Complaints:
    """A counter is shown by how it grows only."""
    for title, own in selected(dashboard):
        if own.name.endswith("_total") and not set(own.functions[-1:]) & GROWTH:
            yield f"{title}: {own.name} is taken as it is"


def target_logql(dashboard: Json) -> Complaints:
    """What is asked of Loki is LogQL: nothing is, since nothing here could parse it."""
    for title, target in targets(dashboard):
        if target["datasource"]["type"] != "prometheus":
            yield f"{title} asks {target['datasource']['type']}"


def target_logql_auto(dashboard: Json) -> Complaints:
    """Ranges of logs are `$__auto`."""
    for title, target in targets(dashboard):
        if target["datasource"]["type"] == "loki" and FIXED.search(target["expr"]):
            yield f"{title} has a fixed range"


def uneditable_dashboard(dashboard: Json) -> Complaints:
    """Nobody edits in Grafana what comes from files."""
    if dashboard["editable"] is not False:
        yield "it is editable"


RULES: dict[str, Rule] = {
    "template-datasource": template_datasource,
    "template-job": template_job,
    "template-instance": template_instance,
    "template-on-time-change-reload": template_on_time_change_reload,
    "template-label-promql": template_label_promql,
    "panel-datasource": panel_datasource,
    "panel-title-description": panel_title_description,
    "panel-units": panel_units,
    "panel-no-targets": panel_no_targets,
    "target-promql": target_promql,
    "target-rate-interval": target_rate_interval,
    "target-job": target_job,
    "target-instance": target_instance,
    "target-counter-agg": target_counter_agg,
    "target-logql": target_logql,
    "target-logql-auto": target_logql_auto,
    "uneditable-dashboard": uneditable_dashboard,
}
