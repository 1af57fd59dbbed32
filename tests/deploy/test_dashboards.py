"""The dashboards keep the rules of Grafana's dashboard-linter, and show what is exported.

The linter is a program of its own that no package brings; each rule's test carries its name.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.exported import ROOT, exported_series
from tests.deploy.promql import RATE_INTERVAL, Selected, parse, selectors

FOLDER = ROOT / "deploy" / "grafana"
DASHBOARDS = sorted((FOLDER / "dashboards").glob("*.json"))
UNITS = {"short", "percentunit", "s", "none", "ops", "reqps", "bytes"}
SHOWING = {"stat", "graph", "table", "timeseries", "gauge", "singlestat"}

Json = dict[str, Any]


@pytest.fixture(params=DASHBOARDS, ids=lambda path: path.stem)
def dashboard(request: pytest.FixtureRequest) -> Json:
    path: Path = request.param
    loaded: Json = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def panels(dashboard: Json) -> Iterator[Json]:
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            yield from panel["panels"]
        else:
            yield panel


def expressions(dashboard: Json) -> list[str]:
    return [target["expr"] for panel in panels(dashboard) for target in panel["targets"]]


def selected(dashboard: Json) -> list[Selected]:
    return [one for text in expressions(dashboard) for one in selectors(parse(text))]


def variables(dashboard: Json) -> dict[str, Json]:
    return {variable["name"]: variable for variable in dashboard["templating"]["list"]}


def variable_selector(variable: Json) -> str | None:
    """What a `label_values(selector, label)` asks; None when it names a label only."""
    query: str = variable["query"]["query"]
    assert query.startswith("label_values(")
    assert query.endswith(")")
    selector, comma, _ = query.removeprefix("label_values(")[:-1].rpartition(",")
    return selector if comma else None


def test_there_is_a_dashboard() -> None:
    assert DASHBOARDS


def test_template_datasource(dashboard: Json) -> None:
    variable = variables(dashboard)["datasource"]
    assert (variable["type"], variable["query"]) == ("datasource", "prometheus")
    assert variable["label"] == "Data source"


@pytest.mark.parametrize(("name", "label"), [("job", "Job"), ("instance", "Instance")])
def test_template_job_and_instance(dashboard: Json, name: str, label: str) -> None:
    variable = variables(dashboard)[name]
    assert variable["type"] == "query"
    assert variable["datasource"]["uid"] == "${datasource}"
    assert (variable["label"], variable["multi"], variable["allValue"]) == (label, True, ".+")


def test_template_on_time_change_reload(dashboard: Json) -> None:
    queries = [one for one in variables(dashboard).values() if one["type"] == "query"]
    assert {one["name"] for one in queries if one["refresh"] != 2} == set()


def test_template_label_promql(dashboard: Json) -> None:
    known = exported_series()
    for variable in variables(dashboard).values():
        if variable["type"] == "query":
            selector = variable_selector(variable)
            assert selector is not None
            assert {one.name for one in selectors(parse(selector))} <= known


def test_panel_datasource(dashboard: Json) -> None:
    asked = [panel["datasource"] for panel in panels(dashboard)]
    asked += [target["datasource"] for panel in panels(dashboard) for target in panel["targets"]]
    assert {source["uid"] for source in asked} == {"${datasource}"}


def test_panel_title_description(dashboard: Json) -> None:
    bare = [p["id"] for p in panels(dashboard) if not (p.get("title") and p.get("description"))]
    assert bare == []


def test_panel_units(dashboard: Json) -> None:
    units = {p["title"]: p["fieldConfig"]["defaults"].get("unit") for p in panels(dashboard)}
    assert {title: unit for title, unit in units.items() if unit not in UNITS} == {}


def test_panel_no_targets(dashboard: Json) -> None:
    assert [
        p["title"] for p in panels(dashboard) if p["type"] in SHOWING and not p["targets"]
    ] == []


def test_target_promql(dashboard: Json) -> None:
    for expression in expressions(dashboard):
        parse(expression)


def test_target_rate_interval(dashboard: Json) -> None:
    wanted = parse(f"x[{RATE_INTERVAL}]")
    [interval] = selectors(wanted)
    ranges = {one.range_s for one in selected(dashboard) if {"rate", "irate"} & set(one.functions)}
    assert ranges <= {interval.range_s}


@pytest.mark.parametrize("matcher", ["job=~$job", "instance=~$instance"])
def test_target_job_and_instance(dashboard: Json, matcher: str) -> None:
    assert [one for one in selected(dashboard) if matcher not in one.matchers] == []


def test_target_counter_agg(dashboard: Json) -> None:
    direct = [
        one
        for one in selected(dashboard)
        if one.name.endswith("_total") and one.functions[-1:] not in {("rate",), ("increase",)}
    ]
    assert direct == []


def test_uneditable_dashboard(dashboard: Json) -> None:
    assert dashboard["editable"] is False


def test_every_metric_shown_is_exported(dashboard: Json) -> None:
    names = {one.name for one in selected(dashboard)}
    assert len(names) > 5
    assert names <= exported_series()


def test_panels_lie_on_the_grid_and_none_covers_another(dashboard: Json) -> None:
    cells: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        own = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert max(x for x, _ in own) < 24
        assert not cells & own, panel["title"]
        cells |= own


def test_ids_are_unique(dashboard: Json) -> None:
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))


def test_provisioning_names_the_data_source_and_the_folder_that_are_there() -> None:
    provisioning = FOLDER / "provisioning"
    sources = yaml.safe_load((provisioning / "datasources/prometheus.yml").read_text())
    [source] = sources["datasources"]
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    mounted = {volume["target"] for volume in compose["services"]["grafana"]["volumes"][1:]}
    [provider] = yaml.safe_load((provisioning / "dashboards/accord.yml").read_text())["providers"]
    assert provider["options"]["path"] in mounted
    for path in DASHBOARDS:
        by_name = variables(json.loads(path.read_text()))
        assert by_name["datasource"]["current"]["value"] == source["uid"]
