"""The manifests as Kubernetes would get them: rendered where a program for it is, or as written."""

import json
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.deploy.exported import ROOT

FOLDER = ROOT / "deploy" / "kubernetes"
OVERLAYS = ("small", "production")
SCALED_OBJECT = json.loads(
    (Path(__file__).parent / "schemas" / "keda-scaledobject.json").read_text(encoding="utf-8")
)

Manifest = dict[str, Any]


def renderer() -> list[str] | None:
    """The command that renders a folder, or None."""
    if shutil.which("kustomize"):
        return ["kustomize", "build"]
    return ["kubectl", "kustomize"] if shutil.which("kubectl") else None


@cache
def rendered(folder: Path) -> tuple[Manifest, ...]:
    """What a folder with a kustomization comes to."""
    command = renderer()
    assert command is not None
    done = subprocess.run(  # noqa: S603 - our own command, no shell
        [*command, str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return tuple(yaml.safe_load_all(done.stdout))


@cache
def written() -> tuple[Manifest, ...]:
    """Every manifest of the base and the components, as it stands in its file."""
    paths = [*(FOLDER / "base").glob("*.yaml"), *(FOLDER / "components").glob("*/*.yaml")]
    found = [
        manifest
        for path in sorted(paths)
        for manifest in yaml.safe_load_all(path.read_text(encoding="utf-8"))
    ]
    return tuple(own for own in found if "metadata" in own)


def of_kind(manifests: tuple[Manifest, ...], kind: str) -> dict[str, Manifest]:
    """Those of a kind by name."""
    return {own["metadata"]["name"]: own for own in manifests if own["kind"] == kind}


def pods(manifests: tuple[Manifest, ...]) -> dict[str, Manifest]:
    """The specification of the pods of whatever runs any, by its name."""
    return {
        own["metadata"]["name"]: own["spec"]["template"]["spec"]
        for own in manifests
        if own["kind"] in {"Deployment", "StatefulSet", "Job"}
    }


def containers(pod: Manifest) -> list[Manifest]:
    """All of a pod, those that run before it too."""
    return [*pod.get("initContainers", ()), *pod["containers"]]
