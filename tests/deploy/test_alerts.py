"""The rules: well formed, about metrics that exist, and each alert with a page and a test."""

import re
from urllib.parse import parse_qsl, urlsplit

import pytest
import yaml

from services.cli.alert_rules.command import rules_of
from services.cli.alert_rules.recordings import RECORDINGS
from shared.documents import load
from tests.deploy.boards import FILES, board, variables
from tests.deploy.exported import (
    PROMETHEUS,
    ROOT,
    Rule,
    alerts,
    exported_series,
    recorded_series,
    recordings,
    rules,
)
from tests.deploy.promql import parse, selectors

REQUIRED = {
    "AccordSlaBreached",
    "AccordSlaAtRisk",
    "AccordSlaFastBurn",
    "AccordSlaSlowBurn",
    "AccordSlaAbsent",
    "AccordConsumerLagHigh",
    "AccordDlqGrowing",
    "AccordEvaluationStale",
    "AccordEvaluatorStuck",
    "AccordTargetDown",
    "AccordRulesFailing",
}
OF_PROMETHEUS = {"up", "prometheus_rule_evaluation_failures_total"}
RUNBOOKS = ROOT / "docs" / "runbooks"
PARTS = ("What it means", "What to look at", "What to do", "How it ends")
COMPARES = re.compile(r"[<>]=?|==|\babsent\(")

each_alert = pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])


def named(rule: Rule) -> tuple[str, str]:
    return rule.get("record") or rule["alert"], str(sorted(rule.get("labels", {}).items()))


def test_the_alerts_that_operators_rely_on_are_there() -> None:
    assert {alert["alert"] for alert in alerts()} >= REQUIRED


def test_no_rule_is_there_twice() -> None:
    names = [named(rule) for rule in rules()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.get("record") or rule["alert"])
def test_a_rule_asks_for_series_that_there_are(rule: Rule) -> None:
    names = {one.name for one in selectors(parse(rule["expr"]))}
    assert names
    assert names <= exported_series() | recorded_series() | OF_PROMETHEUS


@pytest.mark.parametrize("rule", recordings(), ids=lambda rule: rule["record"])
def test_a_recording_says_its_level_its_metric_and_what_was_done(rule: Rule) -> None:
    level, metric, operations = rule["record"].split(":")
    assert (level, metric[:7]) == ("sla_id", "accord_")
    assert operations in {"max", "increase", "ratio_increase"}
    assert not metric.endswith("_total")
    assert not re.search(r"\d", rule["record"])  # a range is a label
    assert " by (" not in rule["expr"].replace("topk by (job, sla_id)", "")


def test_what_is_recorded_is_what_the_page_lists() -> None:
    assert recorded_series() == {own.name for own in RECORDINGS}


def test_the_rules_that_depend_on_the_agreements_are_those_of_the_example() -> None:
    loaded = load(ROOT / "deploy" / "agreements")
    assert loaded.catalogue is not None
    written = (PROMETHEUS / "rules" / "accord-burn.yml").read_text(encoding="utf-8")
    assert written == rules_of(loaded.catalogue), "accord rules deploy/agreements writes it anew"


@each_alert
def test_a_counter_is_read_as_a_rise_or_compared_with_its_past(alert: Rule) -> None:
    plain = [
        one.name
        for one in selectors(parse(alert["expr"]))
        if one.name.endswith("_total") and "increase" not in one.functions
    ]
    is_most = plain == ["accord_series_dropped_total"]  # the most that there ever were
    assert not plain or is_most or " offset " in alert["expr"]


@each_alert
def test_an_alert_compares(alert: Rule) -> None:
    assert COMPARES.search(alert["expr"])


@each_alert
def test_an_alert_says_how_urgent_it_is_and_what_it_means(alert: Rule) -> None:
    assert re.fullmatch(r"Accord([A-Z][a-z]+)+", alert["alert"])
    assert alert["labels"]["severity"] in {"critical", "warning", "info"}
    summary, description = (alert["annotations"][name] for name in ("summary", "description"))
    assert "{{" not in summary
    for sentence in (summary, description):
        assert sentence[0].isupper() or sentence.startswith("{{")
        assert sentence.endswith(".")


@each_alert
def test_an_alert_leads_to_a_page_that_says_what_to_do(alert: Rule) -> None:
    name = alert["alert"]
    assert alert["annotations"]["runbook_url"] == f"docs/runbooks/{name}.md"
    page = (RUNBOOKS / f"{name}.md").read_text(encoding="utf-8")
    assert page.startswith(f"# {name}\n\nSeverity: ")
    _, *parts = re.split(r"^## (.+)$", page, flags=re.MULTILINE)
    assert tuple(parts[::2]) == PARTS
    assert all(part.strip() for part in parts[1::2])


@each_alert
def test_an_alert_leads_to_a_dashboard_that_there_is_on_the_promise_that_it_is_about(
    alert: Rule,
) -> None:
    url = urlsplit(alert["annotations"]["dashboard_url"])
    uids = {own["uid"]: own for own in map(board, FILES)}
    assert url.path.removeprefix("/d/") in uids
    given = [name for name, _ in parse_qsl(url.query)]
    of_the_board = variables(uids[url.path.removeprefix("/d/")])
    assert {name.removeprefix("var-") for name in given} <= of_the_board.keys()
    about_one = "$labels.sla_id" in alert["annotations"]["description"]
    assert given == (["var-agreement", "var-sla_id"] if about_one else [])


def test_a_page_says_the_severity_of_its_alert_and_none_is_left_over() -> None:
    severities: dict[str, set[str]] = {}
    for alert in alerts():
        severities.setdefault(alert["alert"], set()).add(alert["labels"]["severity"])
    said = {
        page.stem: page.read_text(encoding="utf-8").split("\n")[2] for page in RUNBOOKS.iterdir()
    }
    assert said == {name: f"Severity: {', '.join(sorted(own))}" for name, own in severities.items()}


def test_what_a_page_names_is_exported_or_recorded() -> None:
    known = exported_series() | recorded_series()
    for page in RUNBOOKS.iterdir():
        text = page.read_text(encoding="utf-8")
        assert set(re.findall(r"(?:sla_id:)?accord_[a-z_:]+", text)) <= known, page.name


def test_links_of_the_pages_lead_somewhere() -> None:
    for page in RUNBOOKS.iterdir():
        for link in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_the_operators_page_lists_every_alert() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    row = r"^\| \[(Accord\w+)\]\(runbooks/(\w+)\.md\) \| (\w+) \|"
    rows = re.findall(row, text, re.MULTILINE)
    assert {(name, name, severity) for name, _, severity in rows} == set(rows)
    assert {(name, severity) for name, _, severity in rows} == {
        (alert["alert"], alert["labels"]["severity"]) for alert in alerts()
    }


def test_every_alert_has_a_test_in_which_it_fires() -> None:
    folder = ROOT / "tests" / "deploy"
    texts = [path.read_text(encoding="utf-8") for path in folder.glob("*alerts.yml")]
    suites = map(yaml.safe_load, texts)
    cases = [case for suite in suites for own in suite["tests"] for case in own["alert_rule_test"]]
    fires = {case["alertname"] for case in cases if case["exp_alerts"]}
    silent = {case["alertname"] for case in cases if not case["exp_alerts"]}
    text = (folder / "test_burn_rates.py").read_text(encoding="utf-8")
    by_agreement = set(re.findall(r'alertname="(\w+)"', text))
    assert fires | by_agreement == {alert["alert"] for alert in alerts()}
    assert fires <= silent
