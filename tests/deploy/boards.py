"""The dashboards as they lie in the tree, and what is asked about them again and again."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from promql_parser import Expr

from tests.deploy.exported import ROOT
from tests.deploy.promql import Selected, parse, selectors

Json = dict[str, Any]

FOLDER = ROOT / "deploy" / "grafana"
FILES = sorted((FOLDER / "dashboards").glob("*.json"))
LABEL_VALUES = re.compile(r"label_values\((?P<selector>.+), (?P<label>\w+)\)")


def board(path: Path) -> Json:
    """A dashboard."""
    loaded: Json = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def panels(dashboard: Json) -> Iterator[Json]:
    """Its panels, those in folded rows too, without the rows."""
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            yield from panel["panels"]
        else:
            yield panel


def targets(dashboard: Json) -> Iterator[tuple[str, Json]]:
    """Its queries, each with the title of its panel."""
    for panel in panels(dashboard):
        for target in panel["targets"]:
            yield panel["title"], target


def parsed(dashboard: Json) -> Iterator[tuple[str, Expr]]:
    """The queries that are PromQL, each with the title of its panel."""
    for title, target in targets(dashboard):
        try:
            yield title, parse(target["expr"])
        except ValueError:
            continue


def selected(dashboard: Json) -> Iterator[tuple[str, Selected]]:
    """Every selector of these, each with the title of its panel."""
    for title, expression in parsed(dashboard):
        for one in selectors(expression):
            yield title, one


def variables(dashboard: Json) -> dict[str, Json]:
    """Its variables by name."""
    return {variable["name"]: variable for variable in dashboard["templating"]["list"]}


def query_variables(dashboard: Json) -> list[Json]:
    """Those whose values come from Prometheus."""
    return [own for own in dashboard["templating"]["list"] if own["type"] == "query"]
