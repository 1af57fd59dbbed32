"""A dashboard around its panels: variables, links, sections, the grid."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from deploy.dashboards.panels import SOURCE, Json, Panel

COLUMNS: Final = 24
DATA_SOURCE: Final = "accord-prometheus"
"""The uid of deploy/grafana/provisioning/datasources."""
REFRESH: Final = "30s"
"""Twice the interval at which Prometheus scrapes and evaluates: more often shows nothing new."""
_SCHEMA: Final = 41
_TIME_CHANGED: Final = 2
_BY_NAME: Final = 1
_LABEL_VALUES: Final = 1
_HIDDEN: Final = 2


@dataclass(frozen=True, slots=True)
class Section:
    """Panels under a heading; what is folded is asked for only when somebody opens it."""

    title: str
    panels: Sequence[Panel]
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A dashboard; its file is named `name`, its uid `accord-<name>`."""

    name: str
    title: str
    description: str
    hours: int
    """How far back it looks when it is opened."""
    variables: Sequence[Json]
    links: Sequence[Json]
    sections: Sequence[Section]

    def model(self) -> Json:
        """The classic JSON model."""
        return {
            "uid": uid(self.name),
            "title": self.title,
            "description": self.description,
            "tags": ["accord"],
            "schemaVersion": _SCHEMA,
            "version": 1,
            "editable": False,
            "graphTooltip": 1,
            "refresh": REFRESH,
            "time": {"from": f"now-{self.hours}h", "to": "now"},
            "timepicker": {"refresh_intervals": [REFRESH, "1m", "5m", "15m", "1h"]},
            "timezone": "browser",
            "fiscalYearStartMonth": 0,
            "weekStart": "",
            "liveNow": False,
            "preload": False,
            "annotations": {"list": []},
            "links": list(self.links),
            "templating": {"list": [_data_source(), *self.variables]},
            "panels": list(_on_the_grid(self.sections)),
        }


def uid(name: str) -> str:
    """The uid of the dashboard of that name: links, alerts and bookmarks go by it."""
    return f"accord-{name}"


def processes(*, hidden: bool) -> list[Json]:
    """The variables `job` and `instance`: which processes are shown."""
    return [
        choice("job", "Job", "accord_build_info", hidden=hidden),
        choice("instance", "Instance", 'accord_build_info{job=~"$job"}', hidden=hidden),
    ]


def choice(
    name: str,
    label: str,
    selector: str,
    *,
    several: bool = True,
    everything: str = ".+",
    hidden: bool = False,
) -> Json:
    """A variable whose values are those that its label has in a selector.

    `several` may be chosen, at first all: `everything` is the pattern for that.
    """
    query = f"label_values({selector}, {name})"
    chosen: Json = {"current": {}, "includeAll": False, "multi": False}
    if several:
        first = {"selected": True, "text": ["All"], "value": ["$__all"]}
        chosen = {"current": first, "includeAll": True, "multi": True, "allValue": everything}
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": query, "refId": f"variable-{name}", "qryType": _LABEL_VALUES},
        "definition": query,
        "refresh": _TIME_CHANGED,
        "sort": _BY_NAME,
        "regex": "",
        "options": [],
        "hide": _HIDDEN if hidden else 0,
        "skipUrlSync": False,
        **chosen,
    }


def address(name: str, *carried: str, **values: str) -> str:
    """The path of another dashboard with the variables it takes along, and some set."""
    kept = [f"${{{variable}:queryparam}}" for variable in ("datasource", *carried)]
    given = [f"var-{variable}={value}" for variable, value in values.items()]
    return f"/d/{uid(name)}?{'&'.join((*kept, *given))}"


def link(title: str, path: str) -> Json:
    """A link of a number, a bar or a cell; it keeps the time range."""
    return {"title": title, "url": f"{path}&${{__url_time_range}}", "targetBlank": False}


def way(title: str, tooltip: str, path: str) -> Json:
    """A link at the top of a dashboard; it keeps the time range."""
    return {
        "type": "link",
        "title": title,
        "tooltip": tooltip,
        "url": path,
        "icon": "dashboard",
        "asDropdown": False,
        "includeVars": False,
        "keepTime": True,
        "tags": [],
        "targetBlank": False,
    }


def _data_source() -> Json:
    return {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "current": {"text": "Prometheus", "value": DATA_SOURCE},
        "hide": 0,
        "includeAll": False,
        "multi": False,
        "options": [],
        "refresh": 1,
        "regex": "",
        "skipUrlSync": False,
    }


def _on_the_grid(sections: Sequence[Section]) -> Iterator[Json]:
    """Every section's heading and, below it from left to right, its panels."""
    number = top = 0
    for section in sections:
        number += 1
        heading = {
            "id": number,
            "type": "row",
            "title": section.title,
            "collapsed": section.folded,
            "gridPos": {"h": 1, "w": COLUMNS, "x": 0, "y": top},
            "panels": [],
        }
        placed, bottom = _placed(section.panels, number, top + 1)
        number += len(placed)
        if section.folded:
            heading["panels"] = placed
        yield heading
        if not section.folded:
            yield from placed
        top = top + 1 if section.folded else bottom


def _placed(panels: Sequence[Panel], number: int, top: int) -> tuple[list[Json], int]:
    placed: list[Json] = []
    left, bottom = 0, top
    for panel in panels:
        if left + panel.width > COLUMNS:
            left, top = 0, bottom
        at = {"h": panel.height, "w": panel.width, "x": left, "y": top}
        placed.append({"id": number + len(placed) + 1, **panel.body, "gridPos": at})
        left += panel.width
        bottom = max(bottom, top + panel.height)
    return placed, bottom
