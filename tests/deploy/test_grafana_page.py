"""What docs/grafana.md says and gives to copy is so."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from deploy.dashboards import pipeline
from deploy.dashboards.__main__ import dashboards
from deploy.dashboards.frame import uid
from shared.runtime.config import METRICS_PORTS
from tests.deploy.boards import FILES
from tests.deploy.exported import ROOT
from tests.deploy.lint_rules import RULES

PAGE = (ROOT / "docs" / "grafana.md").read_text(encoding="utf-8")


def example(language: str, about: str) -> str:
    """The one example of a language that has a text in it."""
    every = re.findall(rf"^ *```{language}\n(.*?)^ *```", PAGE, re.MULTILINE | re.DOTALL)
    [text] = [own for own in every if about in own]
    return str(text)


def test_every_dashboard_has_its_row_and_no_other_has() -> None:
    rows = re.findall(r"^\| \*\*(.+?)\*\* \(`/d/([\w-]+)`", PAGE, re.MULTILINE)
    assert rows == [(own.title, uid(own.name)) for own in dashboards()]


def test_the_number_of_rules_is_right() -> None:
    assert re.findall(r"all (\d+) rules", PAGE) == [str(len(RULES))]


def test_the_panel_of_the_example_is_one_that_there_is() -> None:
    made = eval(example("python", "stat("), vars(pipeline))  # noqa: S307 - our own page
    [now] = [own for own in pipeline.pipeline().sections if own.title == "Now"]
    assert made in now.panels


def test_the_demo_produces_into_the_servers_that_the_containers_publish() -> None:
    command = example("sh", "make demo")
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    for name, port in (("kafka", 19092), ("postgres", 15432)):
        assert f"127.0.0.1:{port}" in command
        assert [own for own in services[name]["ports"] if own.startswith(f"127.0.0.1:{port}:")]
    owner = "postgresql://accord:${ACCORD_OWNER_PASSWORD:-accord}@"
    assert services["migrate"]["environment"]["ACCORD_DATABASE_URL"].startswith(owner)
    assert "ACCORD_DATABASE_URL=postgresql://accord:accord@" in command


def test_the_prometheus_beside_the_demo_scrapes_what_the_one_of_the_containers_does() -> None:
    [path] = re.findall(r"--config.file=(\S+)", example("sh", "prometheus "))
    written, containers = (
        yaml.safe_load((ROOT / own).read_text(encoding="utf-8"))
        for own in (path, "deploy/prometheus/prometheus.yml")
    )
    jobs = {own["job_name"]: own["static_configs"][0] for own in written["scrape_configs"]}
    assert [*jobs] == [own["job_name"] for own in containers["scrape_configs"]]
    for name, port in METRICS_PORTS.items():
        assert jobs[f"accord-{name}"] == {"targets": [f"127.0.0.1:{port}"]}
    for shared in ("global", "rule_files"):
        assert written[shared] == containers[shared]


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not on this machine")
def test_the_command_makes_a_config_map_of_all_dashboards(tmp_path: Path) -> None:
    (tmp_path / "deploy").symlink_to(ROOT / "deploy")
    command = ["bash", "-o", "pipefail", "-ec", example("sh", "kubectl")]
    subprocess.run(command, cwd=tmp_path, check=True)  # noqa: S603 - our own page
    made = yaml.safe_load((tmp_path / "accord-dashboards.yaml").read_text(encoding="utf-8"))
    assert made["kind"] == "ConfigMap"
    assert made["metadata"]["labels"] == {"grafana_dashboard": "1"}
    assert made["data"] == {path.name: path.read_text(encoding="utf-8") for path in FILES}
