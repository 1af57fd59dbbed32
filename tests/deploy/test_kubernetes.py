"""The manifests as they are written: few rights, probes of the right kind, nothing dangling."""

import re
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from services.api.access.settings import VARIABLES
from shared.documents import load
from shared.documents.source_files import load_sources
from shared.domain.source import DEFAULT_SOURCES
from shared.runtime.config import DRAIN_DELAY, METRICS_PORTS, Settings
from shared.runtime.process import DRAIN_S
from shared.runtime.topics import Topics
from tests.deploy.exported import ROOT, exported_series
from tests.deploy.manifests import FOLDER, OVERLAYS, containers, of_kind, pods, written

SERVICES = ("ingest", "evaluator", "api")
WORKLOADS = {f"accord-{name}": pods(written())[f"accord-{name}"] for name in SERVICES}
ALL_PODS = pods(written())
each_service = pytest.mark.parametrize("name", SERVICES)
each_pod = pytest.mark.parametrize("name", ALL_PODS)


def test_everything_is_there() -> None:
    assert set(ALL_PODS) == {"accord-ingest", "accord-evaluator", "accord-api", "accord-prepare"}
    [job] = of_kind(written(), "Job").values()
    commands = [own["command"] for own in containers(job["spec"]["template"]["spec"])]
    assert commands == [["accord", "migrate"], ["accord", "topics"]]


@each_service
def test_a_pod_runs_a_service_that_exists_on_its_own_ports(name: str) -> None:
    [container] = containers(WORKLOADS[f"accord-{name}"])
    assert container["command"] == ["python", "-m", f"services.{name}"]
    assert (ROOT / "services" / name / "__main__.py").is_file()
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports["metrics"] == METRICS_PORTS[name]


@each_service
def test_only_the_process_itself_decides_whether_it_lives(name: str) -> None:
    [container] = containers(WORKLOADS[f"accord-{name}"])
    assert container["livenessProbe"]["httpGet"] == {"path": "/livez", "port": "metrics"}
    assert container["startupProbe"]["httpGet"] == {"path": "/livez", "port": "metrics"}
    assert container["readinessProbe"]["httpGet"]["path"].split("?")[0] == "/readyz"
    patience = (
        container["livenessProbe"]["failureThreshold"] * container["livenessProbe"]["periodSeconds"]
    )
    assert patience >= 60


@each_service
def test_a_pod_has_longer_to_end_than_its_process_takes(name: str) -> None:
    pod = WORKLOADS[f"accord-{name}"]
    [container] = containers(pod)
    # The process itself serves on until every node has heard of it: nothing has to wait before.
    assert "lifecycle" not in container
    own_delay = DRAIN_DELAY if name == "api" else 0
    assert pod["terminationGracePeriodSeconds"] >= DRAIN_S + own_delay + 10


@each_pod
def test_a_pod_has_no_right_that_it_does_not_need(name: str) -> None:
    pod = ALL_PODS[name]
    assert pod["automountServiceAccountToken"] is False
    assert pod["serviceAccountName"] == "accord"
    context = pod["securityContext"]
    assert context["runAsNonRoot"] is True
    assert f"USER {context['runAsUser']}:{context['runAsGroup']}" in (
        ROOT / "deploy" / "Dockerfile"
    ).read_text(encoding="utf-8")
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        assert key not in pod
    for container in containers(pod):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert container["resources"]["limits"]["memory"]
        writable = [own for own in container["volumeMounts"] if not own.get("readOnly")]
        assert [own["mountPath"] for own in writable] == ["/tmp"]  # noqa: S108 - in the image


@each_pod
def test_the_cluster_sets_no_variable_that_is_a_setting_of_ours(name: str) -> None:
    # A Service "accord-api" would bring ACCORD_API_PORT=tcp://10.0.0.1:8000 into every pod.
    assert ALL_PODS[name]["enableServiceLinks"] is False


@each_pod
def test_every_setting_that_is_given_is_one_that_is_read(name: str) -> None:
    known = {f"ACCORD_{own.name.upper()}" for own in fields(Settings)}
    known |= {f"ACCORD_{own}" for own in VARIABLES}
    for container in containers(ALL_PODS[name]):
        given = {own["name"].removesuffix("_FILE") for own in container["env"]}
        assert given <= known
        assert "ACCORD_DATABASE_URL" in given


@each_pod
def test_passwords_are_taken_from_secrets_and_none_is_here(name: str) -> None:
    pod = ALL_PODS[name]
    [volume] = [own for own in pod["volumes"] if own["name"] == "database"]
    [item] = volume["secret"]["items"]
    own = name.removeprefix("accord-")
    assert item["key"] == ("owner-url" if own == "prepare" else f"{own}-url")
    assert volume["secret"]["defaultMode"] == 0o440
    assert not of_kind(written(), "Secret")
    texts = [path.read_text(encoding="utf-8") for path in FOLDER.rglob("*") if path.is_file()]
    assert not [text for text in texts if re.search(r"postgres(ql)?://", text)]


def test_the_api_asks_for_keys() -> None:
    [api] = containers(ALL_PODS["accord-api"])
    assert {"name": "ACCORD_ACCESS", "value": "keys"} in api["env"]


@each_pod
def test_what_is_mounted_is_declared_and_what_is_declared_is_mounted(name: str) -> None:
    pod = ALL_PODS[name]
    declared = {own["name"] for own in pod["volumes"]}
    for container in containers(pod):
        mounted = {own["name"] for own in container["volumeMounts"]}
        assert mounted == declared
        for own in container["env"]:
            if str(own.get("value", "")).startswith("/etc/"):
                assert [
                    m for m in container["volumeMounts"] if own["value"].startswith(m["mountPath"])
                ]


def test_evaluators_are_members_with_lasting_names() -> None:
    [evaluator] = of_kind(written(), "StatefulSet").values()
    assert evaluator["spec"]["podManagementPolicy"] == "Parallel"
    [container] = containers(evaluator["spec"]["template"]["spec"])
    [instance] = [own for own in container["env"] if own["name"] == "ACCORD_GROUP_INSTANCE"]
    assert instance["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}
    headless = of_kind(written(), "Service")[evaluator["spec"]["serviceName"]]
    assert headless["spec"]["clusterIP"] == "None"


@each_service
def test_one_at_a_time_may_be_taken_away_also_when_there_is_one_alone(name: str) -> None:
    budget = of_kind(written(), "PodDisruptionBudget")[f"accord-{name}"]["spec"]
    assert budget["maxUnavailable"] == 1
    assert "minAvailable" not in budget
    assert budget["selector"]["matchLabels"] == {"app.kubernetes.io/component": name}


def test_every_policy_names_pods_of_ours_alone() -> None:
    for policy in of_kind(written(), "NetworkPolicy").values():
        labels = policy["spec"]["podSelector"]["matchLabels"]
        assert labels["app.kubernetes.io/name"] == "accord"


def test_autoscalers_look_at_the_groups_and_metrics_that_there_are() -> None:
    topics = Topics()
    for service in ("ingest", "evaluator"):
        keda = of_kind(written(), "ScaledObject")[f"accord-{service}"]["spec"]
        [trigger] = keda["triggers"]
        assert trigger["metadata"]["consumerGroup"] == topics.group(service)
        own = of_kind(written(), "HorizontalPodAutoscaler")[f"accord-{service}"]["spec"]
        [metric] = own["metrics"]
        asked = metric["external"]["metric"]
        assert asked["name"] in exported_series()
        assert asked["selector"]["matchLabels"] == {"group": topics.group(service)}
        for target in (keda["scaleTargetRef"], own["scaleTargetRef"]):
            assert target["name"] in of_kind(written(), target["kind"])
    evaluators = of_kind(written(), "ScaledObject")["accord-evaluator"]["spec"]
    assert evaluators["triggers"][0]["metadata"]["topic"] == topics.events


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_documents_of_an_overlay_load_from_where_a_cluster_puts_them(
    name: str, tmp_path: Path
) -> None:
    kustomization = yaml.safe_load(
        (FOLDER / "overlays" / name / "kustomization.yaml").read_text(encoding="utf-8")
    )
    maps = {own["name"]: own for own in kustomization["configMapGenerator"]}
    assert maps.keys() == {"accord-settings", "accord-agreements", "accord-sources"}
    # Without another name a change reaches running pods; with one it would restart them.
    assert kustomization["generatorOptions"]["disableNameSuffixHash"] is True
    loaded = load(_mounted(tmp_path / "agreements", name, maps["accord-agreements"]["files"]))
    assert loaded.problems == ()
    assert loaded.catalogue is not None
    assert loaded.catalogue.agreements
    sources = load_sources(_mounted(tmp_path / "sources", name, maps["accord-sources"]["files"]))
    assert sources.problems == ()
    assert {own.topic for own in sources.sources} == {own.topic for own in DEFAULT_SOURCES}


def _mounted(folder: Path, overlay: str, names: list[str]) -> Path:
    """As a kubelet lays a ConfigMap out: links to a hidden folder that is exchanged as a whole."""
    hidden = folder / "..2026_03_02_09_00_00.1"
    hidden.mkdir(parents=True)
    (folder / "..data").symlink_to(hidden.name)
    for name in names:
        path = FOLDER / "overlays" / overlay / name
        (hidden / path.name).write_bytes(path.read_bytes())
        (folder / path.name).symlink_to(f"..data/{path.name}")
    return folder
