"""Kubernetes' own schemas of what is applied, as written and, with a renderer, as rendered."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import kubernetes_validate
import pytest

from tests.deploy.manifests import (
    FOLDER,
    OVERLAYS,
    SCALED_OBJECT,
    Manifest,
    containers,
    of_kind,
    pods,
    rendered,
    renderer,
    written,
)

SCALED = ("ingest", "evaluator")
VERSIONS = ("1.31", "1.37")
"""Of Kubernetes: the oldest and the newest whose schemas are at hand and known to be met."""

needs_a_renderer = pytest.mark.skipif(
    renderer() is None, reason="neither kustomize nor kubectl is here: overlays are not rendered"
)


def check(manifest: Manifest) -> None:
    """Raise unless every version takes it and knows each of its members."""
    if manifest["kind"] == "ScaledObject":
        jsonschema.validate(manifest, SCALED_OBJECT)
        return
    for version in VERSIONS:
        kubernetes_validate.validate(manifest, version, strict=True)


@pytest.mark.parametrize(
    "manifest", written(), ids=lambda own: f"{own['kind']}-{own['metadata']['name']}"
)
def test_what_is_written_is_what_kubernetes_knows(manifest: Manifest) -> None:
    check(manifest)


def test_a_member_that_is_unknown_is_refused() -> None:
    [pod] = [own for own in written() if own["kind"] == "StatefulSet"]
    with pytest.raises(kubernetes_validate.ValidationError):
        check({**pod, "spec": {**pod["spec"], "replica": 3}})
    scaled = of_kind(written(), "ScaledObject")["accord-ingest"]
    with pytest.raises(jsonschema.ValidationError):
        check({**scaled, "spec": {**scaled["spec"], "maxReplicas": 3}})


@needs_a_renderer
@pytest.mark.parametrize("name", OVERLAYS)
def test_what_is_applied_is_what_kubernetes_knows(name: str) -> None:
    manifests = rendered(FOLDER / "overlays" / name)
    assert len(manifests) >= 19
    for manifest in manifests:
        check(manifest)


@needs_a_renderer
def test_without_keda_the_other_component_takes_its_place(tmp_path: Path) -> None:
    overlay = tmp_path / "overlays" / "production"
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    path = overlay / "kustomization.yaml"
    text = path.read_text(encoding="utf-8")
    for was, becomes in (
        ("- ../../components/keda #", "- ../../components/hpa #"),
        ("  - target: {kind: ScaledObject}\n    path: scaling.yaml\n", ""),
    ):
        assert was in text
        text = text.replace(was, becomes)
    path.write_text(text, encoding="utf-8")
    manifests = rendered(overlay)
    assert len(of_kind(manifests, "HorizontalPodAutoscaler")) == len(SCALED)
    for manifest in manifests:
        check(manifest)
    assert not of_kind(manifests, "ScaledObject")
    for scaler in of_kind(manifests, "HorizontalPodAutoscaler").values():
        target = scaler["spec"]["scaleTargetRef"]
        assert "replicas" not in of_kind(manifests, target["kind"])[target["name"]]["spec"]


@needs_a_renderer
@pytest.mark.parametrize("name", OVERLAYS)
def test_every_map_that_is_used_is_made_and_every_image_is_one_release(name: str) -> None:
    manifests = rendered(FOLDER / "overlays" / name)
    made = set(of_kind(manifests, "ConfigMap"))
    assert set(_maps(manifests)) == made
    images = {own["image"] for pod in pods(manifests).values() for own in containers(pod)}
    assert len(images) == 1
    assert all(
        own["metadata"]["namespace"] == "accord" for own in manifests if own["kind"] != "Namespace"
    )


def _maps(manifests: tuple[Manifest, ...]) -> Iterator[str]:
    for pod in pods(manifests).values():
        yield from (own["configMap"]["name"] for own in pod["volumes"] if "configMap" in own)
        for container in containers(pod):
            yield from (own["configMapRef"]["name"] for own in container["envFrom"])


@needs_a_renderer
def test_what_scales_owns_the_number_of_replicas() -> None:
    manifests = rendered(FOLDER / "overlays" / "production")
    for scaled in of_kind(manifests, "ScaledObject").values():
        target = scaled["spec"]["scaleTargetRef"]
        assert "replicas" not in of_kind(manifests, target["kind"])[target["name"]]["spec"]


@needs_a_renderer
def test_selectors_find_the_pods_and_no_others() -> None:
    manifests = rendered(FOLDER / "overlays" / "production")
    labels = {
        own["metadata"]["name"]: own["spec"]["template"]["metadata"]["labels"]
        for own in manifests
        if own["kind"] in {"Deployment", "StatefulSet", "Job"}
    }
    for kind, path in (("Service", "selector"), ("PodDisruptionBudget", "selector")):
        for name, own in of_kind(manifests, kind).items():
            wanted = own["spec"][path].get("matchLabels", own["spec"][path])
            found = [pod for pod, has in labels.items() if wanted.items() <= has.items()]
            assert found == [name]
