"""What a dashboard says by colour is seen by everybody, and grey alone says "not known"."""

import math
from itertools import combinations, pairwise
from pathlib import Path

import pytest

from deploy.dashboards import states
from deploy.dashboards.states import NO_DATA, STATES
from tests.deploy.boards import FILES, Json, board, panels

# Linear RGB to what is seen (Machado, Oliveira, Fernandes 2009, severity 1).
SIGHTS = {
    "usual": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}
TO_XYZ = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
WHITE = (0.9505, 1.0, 1.089)
APART = 20.0
"""In CIELAB; 2.3 is the least that is noticed side by side."""

Triple = tuple[float, ...]


def linear(colour: str) -> Triple:
    shares = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return tuple(s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares)


def times(matrix: tuple[Triple, ...], vector: Triple) -> Triple:
    return tuple(sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix)


def lab(colour: str, sight: str) -> Triple:
    seen = tuple(min(1.0, max(0.0, own)) for own in times(SIGHTS[sight], linear(colour)))
    x, y, z = (
        math.cbrt(own) if own > 0.008856 else 7.787 * own + 16 / 116
        for own in (a / b for a, b in zip(times(TO_XYZ, seen), WHITE, strict=True))
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def told_apart(one: str, other: str) -> float:
    return min(math.dist(lab(one, sight), lab(other, sight)) for sight in SIGHTS)


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def dashboard(request: pytest.FixtureRequest) -> Json:
    path: Path = request.param
    return board(path)


def colours(node: object) -> set[str]:
    """All colours that something in it is given."""
    if isinstance(node, list):
        return set().union(*map(colours, node))
    if not isinstance(node, dict):
        return set()
    own = {node[key] for key in ("color", "fixedColor") if isinstance(node.get(key), str)}
    return own.union(*map(colours, node.values()))


def test_green_and_red_are_not_told_apart_by_everybody() -> None:
    assert told_apart("#73BF69", "#F2495C") < told_apart("#D55E00", "#0072B2")


def test_states_are_told_apart_by_everybody() -> None:
    for one, other in combinations(STATES, 2):
        assert told_apart(one.colour, other.colour) > APART, (one.name, other.name)


def test_only_these_colours_are_used(dashboard: Json) -> None:
    palette = {value for name, value in vars(states).items() if str(value).startswith("#")}
    assert colours(dashboard["panels"]) <= palette | {"transparent"}


def test_lines_of_a_graph_are_told_apart_by_everybody_and_all_have_a_colour(
    dashboard: Json,
) -> None:
    for panel in panels(dashboard):
        if panel["type"] != "timeseries":
            continue
        overrides = panel["fieldConfig"]["overrides"]
        by_line = {
            own["matcher"]["options"]: next(
                (one["value"]["fixedColor"] for one in own["properties"] if one["id"] == "color"),
                None,
            )
            for own in overrides
        }
        for target in panel["targets"]:
            assert target["legendFormat"].startswith("{{") or target["refId"] in by_line
        for one, other in combinations({own for own in by_line.values() if own}, 2):
            assert told_apart(one, other) > APART, panel["title"]


def test_no_value_is_grey_and_says_so(dashboard: Json) -> None:
    for panel in panels(dashboard):
        defaults = panel["fieldConfig"]["defaults"]
        assert defaults["noValue"]
        if defaults.get("color", {}).get("mode") != "thresholds":
            continue
        base = defaults["thresholds"]["steps"][0]
        assert base == {"value": None, "color": NO_DATA.colour}, panel["title"]
        steps = [own["value"] for own in defaults["thresholds"]["steps"][1:]]
        assert all(a < b for a, b in pairwise(steps))
        nothing = [own for own in defaults["mappings"] if own["type"] == "special"]
        assert [own["options"]["match"] for own in nothing] == ["null+nan"]
        assert nothing[0]["options"]["result"]["color"] == NO_DATA.colour


def test_no_data_is_a_state_of_its_own_worse_than_ok() -> None:
    by_name = {own.name: own for own in STATES}
    assert set(by_name) == {"ok", "at_risk", "breached", "no_data", "excluded"}
    assert by_name["no_data"].severity > by_name["ok"].severity
    assert len({own.severity for own in STATES}) == len(STATES)
