"""A real Prometheus scrapes the real services: a promise is broken, told, kept again, and quiet."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from services.cli.metrics_page import SERVICES, described
from services.cli.simulator.delivery import Record
from services.cli.stack.local_stack import LocalStack
from services.cli.stack.services import Services
from services.cli.trial import Trial
from shared.runtime.config import process_environment
from shared.runtime.wall_clock import system_clock
from tests.deploy.promtool import promtool
from tests.e2e.prometheus import Prometheus, a_prometheus, accord_families, is_here, until
from tests.e2e.test_pipeline import a_record

IN_CI = bool(process_environment().get("CI"))
pytestmark = [
    pytest.mark.integration,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not is_here() and not IN_CI, reason="Debian's prometheus is not here"),
]

SLA_ID = "acme/answer"
DOCUMENT = """
apiVersion: accord/v1
kind: Agreement
metadata: {name: acme}
spec:
  level: customer
  parties: {provider: desk, customer: acme}
  appliesTo: {customer: acme}
  effective: {from: "2026-01-01T00:00:00Z"}
  objectives:
    - name: answer
      kpi: ticket-first-response
      target: {within: PT1S, ratio: "0.5"}
      window: {calendar: year}
"""


@pytest.fixture(scope="module")
def trial(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    agreements = tmp_path_factory.mktemp("agreements")
    (agreements / "acme.yaml").write_text(DOCUMENT, encoding="utf-8")
    with Trial(stack, "prometheus", agreements, event_partitions=2) as running:
        yield running


@pytest.fixture(scope="module")
def services(trial: Trial) -> Iterator[Services]:
    with trial.services() as running:
        yield running


def opened(subject: str) -> Record:
    return a_record(subject, "created", system_clock(), customer="acme", actor="customer")


def answered(subject: str) -> Record:
    return a_record(subject, "replied", system_clock(), actor="agent")


def show(prometheus: Prometheus) -> str:
    states = prometheus.value("accord_sla_state == 1")
    return f"{states}; {[alert['labels'] for alert in prometheus.get('alerts')['alerts']]}"


def test_a_breach_is_told_and_ends(
    trial: Trial, services: Services, tmp_path: Path, unused_tcp_port: int
) -> None:
    with a_prometheus(tmp_path, services, unused_tcp_port) as prometheus:
        up = 'count(up{job=~"accord-.+"} == 1)'
        until(lambda: [own for _, own in prometheus.value(up)] == [3], "all three are scraped")
        until(lambda: bool(prometheus.value("accord_sla_info")), "the promise has series")
        assert not prometheus.firing("AccordSlaBreached"), show(prometheus)

        trial.send([opened("T-1")])
        until(lambda: bool(prometheus.firing("AccordSlaBreached")), "the breach is told")
        [labels] = prometheus.firing("AccordSlaBreached")
        assert (labels["sla_id"], labels["severity"]) == (SLA_ID, "critical")
        assert (labels["sla_customer"], labels["sla_scope"]) == ("acme", "customer")

        trial.send([opened("T-2"), answered("T-2")])
        until(lambda: not prometheus.firing("AccordSlaBreached"), "it is kept again and quiet")
        [(_, value)] = prometheus.value("accord_sla_value_ratio")
        assert value == 0.5, show(prometheus)
        known = {
            rule["name"]: rule["lastError"] for rule in prometheus.rules() if "lastError" in rule
        }
        assert not {name: error for name, error in known.items() if error}
        events = 'max_over_time(sla_id:accord_sla_events:max{sla_window="year"}[1m])'
        until(lambda: [own for _, own in prometheus.value(events)] == [2], "totals are recorded")
        assert not prometheus.firing("AccordTargetDown")
        assert not prometheus.firing("AccordEvaluationStale")


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_exports_is_what_is_written_down(services: Services, name: str) -> None:
    text = httpx.get(f"{services.health_url(name)}/metrics").content
    promtool("check", "metrics", stdin=text)
    kinds = dict(accord_families(text.decode()))
    known = {own.series: own.kind for own in described() if name in own.services}
    assert kinds
    assert {family: known.get(family) for family in kinds} == kinds
