"""The dashboards are what the code makes, lie on the grid, and lead to each other."""

import re
from collections import Counter
from pathlib import Path

import pytest
import yaml

from deploy.dashboards.__main__ import main, texts
from deploy.dashboards.frame import DATA_SOURCE, REFRESH
from tests.deploy.boards import FILES, FOLDER, Json, board, panels, selected, targets, variables
from tests.deploy.exported import ROOT, exported_series

NAMES = {"overview", "agreement", "customers", "pipeline"}
GRAPHS_MOST = 5
LINES_MOST = 5
LINK = re.compile(r"/d/accord-(\w+)\?(.*)")
OF_PROMETHEUS = {"up"}
"""Metrics that Prometheus makes of what it scrapes."""


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def dashboard(request: pytest.FixtureRequest) -> Json:
    path: Path = request.param
    return board(path)


def seconds(duration: str) -> int:
    return int(duration[:-1]) * {"s": 1, "m": 60, "h": 3600}[duration[-1]]


def links(dashboard: Json) -> list[tuple[str, dict[str, str]]]:
    """The dashboard that each link leads to, and what it gives its variables."""
    found = [own["url"] for own in dashboard["links"]]
    for panel in panels(dashboard):
        config = panel["fieldConfig"]
        found += [own["url"] for own in config["defaults"].get("links", [])]
        for override in config["overrides"]:
            for own in override["properties"]:
                if own["id"] == "links":
                    found += [one["url"] for one in own["value"]]
    made = []
    for url in found:
        match = LINK.match(url)
        assert match, url
        made.append((match[1], dict(_given(part) for part in match[2].split("&"))))
    return made


def _given(part: str) -> tuple[str, str]:
    if ":queryparam}" in part:
        return part.removeprefix("${").removesuffix(":queryparam}"), part
    name, _, value = part.partition("=")
    return name.removeprefix("var-"), value


def test_what_lies_in_the_tree_is_what_the_code_makes(tmp_path: Path) -> None:
    assert {path.stem for path in FILES} == NAMES
    (tmp_path / "old.json").write_text("{}", encoding="utf-8")
    assert main([str(tmp_path)]) == 0
    written = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    lying = {path.name: path.read_text(encoding="utf-8") for path in FILES}
    assert lying == written == texts(), "run `make dashboards`"


def test_every_metric_shown_is_exported(dashboard: Json) -> None:
    names = {own.name for _, own in selected(dashboard)}
    assert len(names) > 5
    assert names - exported_series() <= OF_PROMETHEUS


def test_a_dashboard_is_known_by_its_file(dashboard: Json) -> None:
    [path] = [own for own in FILES if board(own)["uid"] == dashboard["uid"]]
    assert dashboard["uid"] == f"accord-{path.stem}"
    assert dashboard["description"]


def test_ids_are_unique_and_so_are_the_names_of_a_panels_queries(dashboard: Json) -> None:
    ids = [panel["id"] for panel in dashboard["panels"]] + [own["id"] for own in panels(dashboard)]
    assert max(Counter({*ids}).values()) == 1
    assert len({*ids}) == len([*panels(dashboard)]) + sum(
        own["type"] == "row" for own in dashboard["panels"]
    )
    for panel in panels(dashboard):
        names = [target["refId"] for target in panel["targets"]]
        assert len(names) == len(set(names))


def test_panels_lie_on_the_grid_and_none_covers_another(dashboard: Json) -> None:
    folded = [own["panels"] for own in dashboard["panels"] if own.get("collapsed")]
    for view in (dashboard["panels"], *folded):
        cells: set[tuple[int, int]] = set()
        for panel in view:
            at = panel["gridPos"]
            own = {
                (x, y)
                for x in range(at["x"], at["x"] + at["w"])
                for y in range(at["y"], at["y"] + at["h"])
            }
            assert max(x for x, _ in own) < 24
            assert not cells & own, panel["title"]
            cells |= own


def test_a_view_has_few_graphs_and_a_graph_few_lines(dashboard: Json) -> None:
    open_ones = [own for own in dashboard["panels"] if own["type"] == "timeseries"]
    folded = [own["panels"] for own in dashboard["panels"] if own.get("collapsed")]
    for view in (open_ones, *folded):
        graphs = [own for own in view if own["type"] == "timeseries"]
        assert len(graphs) <= GRAPHS_MOST
        for graph in graphs:
            lines = Counter(target["legendFormat"] for target in graph["targets"])
            named = [own for own in lines if own.startswith("{{")]
            assert len(lines) - len(named) + len(named) * LINES_MOST <= LINES_MOST, graph["title"]


def test_it_asks_no_more_often_than_something_new_is_known(dashboard: Json) -> None:
    written = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    newest = max(seconds(own) for own in written["global"].values())
    offered = [dashboard["refresh"], *dashboard["timepicker"]["refresh_intervals"]]
    assert dashboard["refresh"] == REFRESH
    assert min(map(seconds, offered)) >= newest


def test_links_lead_to_dashboards_and_give_variables_that_these_have(dashboard: Json) -> None:
    known = {board(path)["uid"].removeprefix("accord-"): board(path) for path in FILES}
    found = links(dashboard)
    assert {name for name, _ in found} >= NAMES - {dashboard["uid"].removeprefix("accord-")}
    for name, given in found:
        mine, its = variables(dashboard), variables(known[name])
        given.pop("${__url_time_range}", None)
        assert given.keys() <= its.keys(), name
        assert "datasource" in given
        for variable, value in given.items():
            if value.endswith(":queryparam}"):
                assert variable in mine


def test_the_way_into_detail_takes_along_what_was_chosen() -> None:
    by_name = {path.stem: links(board(path)) for path in FILES}
    assert any(
        name == "agreement" and {"agreement", "sla_id", "job", "instance"} <= given.keys()
        for name, given in by_name["overview"]
    )
    assert any(
        name == "customers" and {"sla_customer", "sla_service"} <= given.keys()
        for name, given in by_name["overview"]
    )
    assert any(
        name == "overview" and "sla_customer" in given for name, given in by_name["customers"]
    )


def test_targets_are_series_and_no_numbers_in_panels() -> None:
    shown = {
        own.name for path in FILES for _, own in selected(board(path)) if "objective" in own.name
    }
    assert shown == {"accord_sla_objective_ratio", "accord_sla_objective_value"}
    for path in FILES:
        for panel in panels(board(path)):
            if panel["type"] == "timeseries":
                marked = panel["fieldConfig"]["defaults"].get("thresholds", {"steps": []})
                # All of a budget is used, or it burns at the rate it may: by definition.
                assert {own["value"] for own in marked["steps"]} <= {None, 0, 1}, panel["title"]


def test_a_figure_of_an_agreement_is_never_added_up_over_replicas() -> None:
    for path in FILES:
        for title, target in targets(board(path)):
            for found in re.finditer(r"(sum|count)[^(]*\((accord_sla_\w+)", target["expr"]):
                pytest.fail(f"{title}: {found[0]}")


def test_provisioning_names_the_data_source_and_the_folder_that_are_there() -> None:
    provisioning = FOLDER / "provisioning"
    sources = yaml.safe_load((provisioning / "datasources/prometheus.yml").read_text())
    [source] = sources["datasources"]
    assert (source["uid"], source["editable"]) == (DATA_SOURCE, False)
    for path in FILES:
        assert variables(board(path))["datasource"]["current"]["value"] == source["uid"]
    [provider] = yaml.safe_load((provisioning / "dashboards/accord.yml").read_text())["providers"]
    assert (provider["type"], provider["disableDeletion"], provider["allowUiUpdates"]) == (
        "file",
        True,
        False,
    )
    grafana = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["grafana"]
    mounted = {
        volume["target"]: volume["source"]
        for volume in grafana["volumes"]
        if isinstance(volume, dict)
    }
    folder = provider["options"]["path"]
    assert mounted[folder] == "./deploy/grafana/dashboards"
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == f"{folder}/overview.json"
