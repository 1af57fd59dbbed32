"""No dashboard breaks a rule of Grafana's dashboard-linter; each rule notices when one does."""

import copy
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.deploy.boards import FILES, FOLDER, Json, board, panels, variables
from tests.deploy.lint_rules import RULES

Spoil = Callable[[Json], object]


def first_query(dashboard: Json) -> Json:
    target: Json = next(panels(dashboard))["targets"][0]
    return target


def asks(expression: str) -> Spoil:
    return lambda dashboard: first_query(dashboard).update(expr=expression)


def sets(name: str, **members: object) -> Spoil:
    return lambda dashboard: variables(dashboard)[name].update(members)


CHOSEN = '{job=~"$job", instance=~"$instance"}'
SPOILT: dict[str, Spoil] = {
    "template-datasource": sets("datasource", label="Source"),
    "template-job": sets("job", multi=False),
    "template-instance": sets("instance", allValue=".*"),
    "template-on-time-change-reload": sets("job", refresh=1),
    "template-label-promql": sets("job", query={"query": "label_values(up{, job)"}),
    "panel-datasource": lambda own: next(panels(own)).update(datasource={"uid": "prometheus"}),
    "panel-title-description": lambda own: next(panels(own)).update(description=""),
    "panel-units": lambda own: next(panels(own))["fieldConfig"]["defaults"].update(unit="hour"),
    "panel-no-targets": lambda own: next(panels(own)).update(targets=[]),
    "target-promql": asks("sum by ("),
    "target-rate-interval": asks(f"rate(a_total{CHOSEN}[5m])"),
    "target-job": asks('a{instance=~"$instance"}'),
    "target-instance": asks('a{job=~"$job"}'),
    "target-counter-agg": asks(f"sum(max_over_time(a_total{CHOSEN}[$__range]))"),
    "target-logql": lambda own: first_query(own)["datasource"].update(type="loki"),
    "target-logql-auto": lambda own: first_query(own).update(
        expr='rate({app="a"}[5m])', datasource={"type": "loki", "uid": "${datasource}"}
    ),
    "uneditable-dashboard": lambda own: own.update(editable=True),
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
@pytest.mark.parametrize("name", RULES)
def test_no_dashboard_breaks_the_rule(path: Path, name: str) -> None:
    assert list(RULES[name](board(path))) == []


@pytest.mark.parametrize("name", RULES)
def test_a_dashboard_that_breaks_the_rule_is_noticed(name: str) -> None:
    spoilt = copy.deepcopy(board(FILES[0]))
    assert list(RULES[name](spoilt)) == []
    SPOILT[name](spoilt)
    assert list(RULES[name](spoilt))


def test_there_are_all_rules_and_nothing_is_excluded_from_them() -> None:
    assert len(RULES) == 17
    assert not (FOLDER / "dashboards" / ".lint").exists()
