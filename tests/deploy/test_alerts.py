"""The alerts: well formed, about metrics that exist, and each with a test in which it fires."""

from typing import Any

import pytest
import yaml

from tests.deploy.exported import ROOT, exported_series
from tests.deploy.promql import parse, selectors

PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES = sorted((PROMETHEUS / "rules").glob("*.yml"))
ALERTS = [
    rule
    for path in RULES
    for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
REQUIRED = {
    "AccordSlaBreached",
    "AccordSlaAtRisk",
    "AccordConsumerLagHigh",
    "AccordDlqGrowing",
    "AccordEvaluationStale",
    "AccordTargetDown",
}
OF_PROMETHEUS = {"up"}

each_alert = pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])


def test_the_alerts_that_operators_rely_on_are_there() -> None:
    names = [alert["alert"] for alert in ALERTS]
    assert set(names) >= REQUIRED
    assert len(names) == len(set(names))


@each_alert
def test_an_alert_asks_for_metrics_that_are_exported(alert: dict[str, Any]) -> None:
    names = {one.name for one in selectors(parse(alert["expr"]))}
    assert names
    assert names <= exported_series() | OF_PROMETHEUS


@each_alert
def test_a_counter_is_read_as_a_rise_or_compared_with_its_past(alert: dict[str, Any]) -> None:
    plain = [
        one.name
        for one in selectors(parse(alert["expr"]))
        if one.name.endswith("_total") and "increase" not in one.functions
    ]
    assert not plain or " offset " in alert["expr"]


@each_alert
def test_an_alert_says_how_urgent_it_is_what_it_means_and_what_to_do(
    alert: dict[str, Any],
) -> None:
    assert alert["alert"].startswith("Accord")
    assert alert["labels"]["severity"] in {"critical", "warning", "info"}
    summary, description = (alert["annotations"][name] for name in ("summary", "description"))
    assert "{{" not in summary
    for sentence in (summary, description):
        assert sentence[0].isupper() or sentence.startswith("{{")
        assert sentence.endswith(".")
    page, _, heading = alert["annotations"]["runbook_url"].partition("#")
    headings = (ROOT / page).read_text(encoding="utf-8").splitlines()
    assert heading == alert["alert"].lower()
    assert f"### {alert['alert']}" in headings


def test_every_alert_has_a_test_in_which_it_fires() -> None:
    suite = yaml.safe_load((ROOT / "tests/deploy/alerts.yml").read_text(encoding="utf-8"))
    fired = {
        case["alertname"]
        for test in suite["tests"]
        for case in test["alert_rule_test"]
        if case["exp_alerts"]
    }
    assert fired == {alert["alert"] for alert in ALERTS}
