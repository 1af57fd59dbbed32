"""Prometheus' own word on the configuration, the rules and where alerts go."""

import pytest

from tests.deploy.exported import PROMETHEUS, RULE_FILES
from tests.deploy.promtool import amtool, promtool

ROUTES = PROMETHEUS / "alertmanager.yml"


def test_prometheus_reads_the_configuration_and_the_rules() -> None:
    promtool("check", "config", str(PROMETHEUS / "prometheus.yml"))
    said = promtool("check", "rules", *map(str, RULE_FILES))
    assert "FAILED" not in said, said


@pytest.mark.parametrize("suite", ["alerts.yml", "weekly_alerts.yml"])
def test_the_alerts_fire_when_they_should_and_only_then(suite: str) -> None:
    promtool("test", "rules", f"tests/deploy/{suite}")


def test_alertmanager_reads_the_example() -> None:
    assert "SUCCESS" in amtool("check-config", str(ROUTES))


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        (["alertname=AccordSlaBreached", "severity=critical", "sla_id=acme/p1"], "on-call"),
        (["alertname=AccordSlaAtRisk", "severity=warning", "sla_id=acme/p1"], "team"),
        (["alertname=AccordSeriesFolded", "severity=info"], "nobody"),
        (["alertname=Another"], "team"),
    ],
)
def test_an_alert_goes_to_whom_it_concerns(labels: list[str], receiver: str) -> None:
    options = [f"--config.file={ROUTES}", f"--verify.receivers={receiver}"]
    amtool("config", "routes", "test", *options, *labels)
