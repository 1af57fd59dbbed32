"""Prometheus' own word on the configuration and the alerts: they fire when they should."""

import subprocess

from tests.deploy.exported import ROOT

PROMETHEUS = ROOT / "deploy" / "prometheus"


def promtool(*arguments: str) -> None:
    done = subprocess.run(  # noqa: S603 - our own arguments, no shell
        ["promtool", *arguments],  # noqa: S607 - wherever the system has it
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_reads_the_configuration_and_the_rules() -> None:
    promtool("check", "config", str(PROMETHEUS / "prometheus.yml"))
    promtool("check", "rules", *map(str, sorted((PROMETHEUS / "rules").glob("*.yml"))))


def test_the_alerts_fire_when_they_should_and_only_then() -> None:
    promtool("test", "rules", "tests/deploy/alerts.yml")
