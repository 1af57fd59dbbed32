"""Panels of the classic JSON model, each with title, description, unit and size.

Members are named as Grafana's documentation of the model and of each visualization names them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from deploy.dashboards.states import NO_DATA, nothing

Json = dict[str, Any]

SOURCE: Final[Json] = {"type": "prometheus", "uid": "${datasource}"}
MODEL: Final = "12.0.0"
"""The Grafana whose panel options these are; a newer one migrates them from here."""
_LAST: Final[Json] = {"calcs": ["lastNotNull"], "fields": "", "values": False}
_DASHED: Final[Json] = {"fill": "dash", "dash": [8, 6]}


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel and its size on a grid of 24 columns; a row of the grid is 30 pixels high."""

    width: int
    height: int
    body: Json


@dataclass(frozen=True, slots=True)
class Line:
    """A query of a graph: one series of one colour, or the series that `names` colours."""

    expression: str
    legend: str
    colour: str = ""
    dashed: bool = False
    unit: str = ""
    names: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Of each legend that may occur: what is shown instead, and its colour."""


def stat(
    title: str,
    description: str,
    expression: str,
    *,
    unit: str,
    thresholds: Json,
    mappings: Sequence[Json] = (),
    links: Sequence[Json] = (),
    width: int = 3,
) -> Panel:
    """One number or word, now."""
    defaults = {
        "unit": unit,
        "color": {"mode": "thresholds"},
        "mappings": list(mappings or nothing()),
        "noValue": NO_DATA.text,
        "thresholds": thresholds,
        "links": list(links),
    }
    options = {
        "colorMode": "background_solid",
        "graphMode": "none",
        "justifyMode": "center",
        "orientation": "auto",
        "reduceOptions": _LAST,
        "showPercentChange": False,
        "textMode": "value",
        "wideLayout": True,
    }
    return _panel("stat", title, description, [_now(expression)], width, 4, defaults, [], options)


def ranking(
    title: str,
    description: str,
    expression: str,
    legend: str,
    *,
    unit: str,
    thresholds: Json,
    full: float | None = None,
    links: Sequence[Json] = (),
    width: int = 8,
    height: int = 9,
) -> Panel:
    """Bars in the order of the query, now; one of the value `full` is as long as can be."""
    defaults: Json = {
        "unit": unit,
        "min": 0,
        "color": {"mode": "thresholds"},
        "mappings": nothing(),
        "noValue": NO_DATA.text,
        "thresholds": thresholds,
        "links": list(links),
    }
    if full is not None:
        defaults["max"] = full
    options = {
        "displayMode": "basic",
        "maxVizHeight": 300,
        "minVizHeight": 16,
        "minVizWidth": 8,
        "namePlacement": "auto",
        "orientation": "horizontal",
        "reduceOptions": _LAST,
        "showUnfilled": True,
        "sizing": "auto",
        "valueMode": "text",
    }
    targets = [_now(expression, legend)]
    return _panel("bargauge", title, description, targets, width, height, defaults, [], options)


def timeline(
    title: str,
    description: str,
    expression: str,
    legend: str,
    *,
    mappings: Sequence[Json],
    links: Sequence[Json] = (),
    width: int = 24,
    height: int = 10,
) -> Panel:
    """States over time, a lane each; where nothing is known nothing is drawn."""
    defaults = {
        "unit": "none",
        "color": {"mode": "thresholds"},
        "custom": {"fillOpacity": 80, "lineWidth": 0, "spanNulls": False},
        "mappings": list(mappings),
        "noValue": NO_DATA.text,
        "thresholds": {"mode": "absolute", "steps": [{"value": None, "color": NO_DATA.colour}]},
        "links": list(links),
    }
    options = {
        "alignValue": "left",
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "mergeValues": True,
        "perPage": 20,
        "rowHeight": 0.85,
        "showValue": "auto",
        "tooltip": {"mode": "single", "sort": "none"},
    }
    targets = [_over_time(Line(expression, legend), "A")]
    kind = "state-timeline"
    return _panel(kind, title, description, targets, width, height, defaults, [], options)


def graph(
    title: str,
    description: str,
    lines: Sequence[Line],
    *,
    unit: str,
    bars: bool = False,
    stacked: bool = False,
    soft_min: float | None = None,
    marked: Json | None = None,
    width: int = 12,
    height: int = 8,
) -> Panel:
    """Lines (or bars) over time in colours that are told apart; `marked` are drawn thresholds."""
    custom: Json = {
        "drawStyle": "bars" if bars else "line",
        "fillOpacity": 60 if bars or stacked else 0,
        "lineWidth": 2,
        "showPoints": "never" if bars else "auto",
        "spanNulls": False,
        "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
        "thresholdsStyle": {"mode": "line" if marked else "off"},
    }
    if soft_min is not None:
        custom["axisSoftMin"] = soft_min
    defaults: Json = {
        "unit": unit,
        "color": {"mode": "palette-classic"},
        "custom": custom,
        "noValue": NO_DATA.text,
    }
    if marked:
        defaults["thresholds"] = marked
    options = {
        "legend": {
            "calcs": ["lastNotNull"],
            "displayMode": "table",
            "placement": "bottom",
            "showLegend": True,
        },
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    named = [(own, chr(ord("A") + place)) for place, own in enumerate(lines)]
    targets = [_over_time(own, name) for own, name in named]
    overrides = [one for own, name in named for one in _drawn(own, name)]
    return _panel(
        "timeseries", title, description, targets, width, height, defaults, overrides, options
    )


@dataclass(frozen=True, slots=True)
class Column:
    """A column: a label of the rows, or the value of a query; properties override the defaults."""

    title: str
    label: str = ""
    expression: str = ""
    unit: str = ""
    properties: Mapping[str, Any] = field(default_factory=dict)


def table(
    title: str,
    description: str,
    key: str,
    columns: Sequence[Column],
    *,
    unit: str,
    sort_by: str,
    ascending: bool = False,
    width: int = 24,
    height: int = 12,
) -> Panel:
    """Rows now: a series of each query by the label `key`, joined to one row."""
    asked = [own for own in columns if own.expression]
    targets = [
        {**_now(own.expression), "format": "table", "refId": chr(ord("A") + place)}
        for place, own in enumerate(asked)
    ]
    # One query gives "Time" and "Value", several "Time 1", … and "Value #A", … when joined.
    value = {
        own.title: f"Value #{one['refId']}" if len(asked) > 1 else "Value"
        for own, one in zip(asked, targets, strict=True)
    }
    names = {own.label or value[own.title]: own.title for own in columns}
    defaults = {
        "unit": unit,
        "custom": {"align": "auto", "cellOptions": {"type": "auto"}, "filterable": True},
        "noValue": "-",
    }
    options = {
        "cellHeight": "sm",
        "showHeader": True,
        "sortBy": [{"displayName": sort_by, "desc": not ascending}],
    }
    overrides = [_override("byName", own.title, _properties(own)) for own in columns]
    overrides = [own for own in overrides if own["properties"]]
    made = _panel("table", title, description, targets, width, height, defaults, overrides, options)
    made.body["transformations"] = _joined(key, names, len(asked))
    return made


def _joined(key: str, names: Mapping[str, str], queries: int) -> list[Json]:
    """One row for each value of `key`, with these fields in this order under their new names."""
    times = ["Time", *(f"Time {number}" for number in range(1, queries + 1))]
    return [
        {"id": "joinByField", "options": {"byField": key, "mode": "outer"}},
        {
            "id": "organize",
            "options": {
                "excludeByName": dict.fromkeys(times, True),
                "indexByName": {name: place for place, name in enumerate(names)},
                "renameByName": dict(names),
            },
        },
    ]


def _properties(column: Column) -> dict[str, Any]:
    unit = {"unit": column.unit} if column.unit else {}
    return {**unit, **column.properties}


def _drawn(line: Line, name: str) -> list[Json]:
    own: dict[str, Any] = {}
    if line.colour:
        own["color"] = {"mode": "fixed", "fixedColor": line.colour}
    if line.dashed:
        own["custom.lineStyle"] = _DASHED
    if line.unit:
        own["unit"] = line.unit
    named = [
        _override(
            "byName",
            legend,
            {"displayName": shown, "color": {"mode": "fixed", "fixedColor": colour}},
        )
        for legend, (shown, colour) in line.names.items()
    ]
    return [*([_override("byFrameRefID", name, own)] if own else []), *named]


def _override(matcher: str, options: str, properties: Mapping[str, Any]) -> Json:
    return {
        "matcher": {"id": matcher, "options": options},
        "properties": [{"id": name, "value": value} for name, value in properties.items()],
    }


def _now(expression: str, legend: str = "__auto") -> Json:
    return {**_target(expression, legend, "A"), "instant": True, "range": False}


def _over_time(line: Line, name: str) -> Json:
    return {**_target(line.expression, line.legend, name), "instant": False, "range": True}


def _target(expression: str, legend: str, name: str) -> Json:
    return {
        "refId": name,
        "datasource": SOURCE,
        "editorMode": "code",
        "expr": expression,
        "legendFormat": legend,
    }


def _panel(
    kind: str,
    title: str,
    description: str,
    targets: list[Json],
    width: int,
    height: int,
    defaults: Json,
    overrides: list[Json],
    options: Json,
) -> Panel:
    body = {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": SOURCE,
        "pluginVersion": MODEL,
        "targets": targets,
        "fieldConfig": {"defaults": defaults, "overrides": overrides},
        "options": options,
    }
    return Panel(width, height, body)
