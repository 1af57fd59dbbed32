"""What the probes of a cluster hear from real processes while their database is away."""

import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from services.cli.stack.local_stack import LocalStack
from services.cli.stack.services import ALL, Services
from services.cli.trial import Trial
from tests.deploy.gate import Gate
from tests.deploy.manifests import containers, pods, written

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(240)]

AGREEMENTS = Path(__file__).parents[1] / "e2e" / "agreements"


def asked(services: Services, name: str, probe: str) -> tuple[int, dict[str, object]]:
    """What the probe of a service's manifest is answered: the status, and the body of a refusal."""
    [container] = containers(pods(written())[f"accord-{name}"])
    url = f"{services.health_url(name)}{container[probe]['httpGet']['path']}"
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own address
            return answer.status, {}
    except urllib.error.HTTPError as refused:
        return refused.code, json.loads(refused.read())


def wait_for(services: Services, name: str, status: int) -> None:
    """Until the process says so of its readiness; it must not end meanwhile."""
    services.child(name).wait_until(
        lambda: asked(services, name, "readinessProbe")[0] == status, f"it said {status}", 60.0
    )


def test_a_process_lives_while_its_database_is_away_and_is_ready_when_it_is_back(
    stack: LocalStack,
) -> None:
    with Trial(stack, "probes", AGREEMENTS) as trial:
        gate = Gate(trial.system.database_url)
        url = trial.background.run(gate.listen())
        with trial.services(ACCORD_DATABASE_URL=url) as services:
            pids = {name: services.child(name).pid for name in ALL}
            assert {asked(services, name, "readinessProbe")[0] for name in ALL} == {200}
            trial.background.run(gate.shut())
            for name in ("evaluator", "api"):
                wait_for(services, name, 503)
            for name in ALL:
                assert asked(services, name, "livenessProbe") == (200, {})
            trial.background.run(gate.open())
            for name in ALL:
                wait_for(services, name, 200)
            assert services.dead() == {}
            assert {name: services.child(name).pid for name in ALL} == pids
        trial.background.run(gate.close())
