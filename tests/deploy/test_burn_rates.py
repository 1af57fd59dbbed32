"""Burn-rate alerts on Prometheus' own engine: they fire, and end, when the arithmetic says so.

The incidents and their times are those of a promise of 99.9 % in 30 days, whose fast pair is an
hour and five minutes at a factor of 14.4: `(fires after, ends after the incident)` in seconds.
"""

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.cli.alert_rules.command import rules_of
from shared.documents import load
from tests.deploy.promtool import promtool

DOCUMENT = """
apiVersion: accord/v1
kind: Agreement
metadata: {name: acme}
spec:
  level: customer
  parties: {provider: desk, customer: acme}
  effective: {from: "2026-01-01T00:00:00Z"}
  objectives:
    - name: answer
      kpi: ticket-first-response
      target: {within: PT1H, ratio: "0.999"}
      window: {calendar: month}
"""
STEP = 30
EVENTS = 10_000
BEFORE = 4_000 // STEP
"""Steps of traffic without a miss, longer than the hour."""
READ = "accord-promises-read"
FAST = 'ALERTS{alertname="AccordSlaFastBurn",alertstate="firing",long="1h",short="5m"}'
INCIDENTS = {
    "15 % for 10 min": ("0.15", 10, 346, 272),
    "100 % for 10 min": ("1", 10, 52, 296),
    "2 % for 60 min": ("0.02", 60, 2_592, 85),
    "1.44 % for 2 h": ("0.0144", 120, None, None),
    "1.45 % for 2 h": ("0.0145", 120, 3_576, 3),
}


Test = dict[str, Any]


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The rules that the command writes for the promise."""
    folder = tmp_path_factory.mktemp("promise")
    (folder / "promise.yaml").write_text(DOCUMENT, encoding="utf-8")
    loaded = load(folder)
    assert loaded.catalogue is not None, loaded.problems
    written: dict[str, Any] = yaml.safe_load(rules_of(loaded.catalogue))
    return written


def series(
    breached: str, *, events: str = f"0+{EVENTS}x4000", budget: float = 0.001
) -> list[dict[str, str]]:
    own = 'job="accord-api",instance="a",sla_id="acme/answer"'
    return [
        {"series": f"accord_sla_events_total{{{own}}}", "values": events},
        {"series": f"accord_sla_breached_events_total{{{own}}}", "values": breached},
        {
            "series": f'accord_sla_error_budget_ratio{{{own},sla_window="month"}}',
            "values": f"{budget}x4000",
        },
        {"series": f'accord_sla_info{{{own},sla_window="month",kpi="k"}}', "values": "1x4000"},
    ]


def ask(expression: str, at: int, value: int | None) -> Test:
    """At so many seconds the expression has this value, or none."""
    samples = [] if value is None else [{"labels": "{}", "value": value}]
    return {"expr": f"count({expression})", "eval_time": f"{at}s", "exp_samples": samples}


def a_test(name: str, inputs: list[dict[str, str]], asked: list[Test], step: int = STEP) -> Test:
    return {
        "name": name,
        "interval": f"{step}s",
        "input_series": inputs,
        "promql_expr_test": asked,
    }


def run(folder: Path, rules: dict[str, Any], groups: set[str], *tests: Test) -> None:
    """Have promtool run the tests on these groups of the rules."""
    chosen = [group for group in rules["groups"] if group["name"] in groups | {READ}]
    assert len(chosen) == len(groups) + 1
    (folder / "rules.yml").write_text(yaml.safe_dump({"groups": chosen}), encoding="utf-8")
    suite = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": tests[0]["interval"],
        "tests": list(tests),
    }
    (folder / "suite.yml").write_text(yaml.safe_dump(suite), encoding="utf-8")
    promtool("test", "rules", str(folder / "suite.yml"))


def test_an_incident_is_told_and_ends_when_the_arithmetic_says(
    rules: dict[str, Any], tmp_path: Path
) -> None:
    tests = []
    for name, (share, minutes, fires, ends) in INCIDENTS.items():
        missed, steps = int(Fraction(share) * EVENTS), minutes * 60 // STEP
        breached = f"0x{BEFORE} {missed}+{missed}x{steps - 1} {missed * steps}x60"
        begun, over = BEFORE * STEP, (BEFORE + steps) * STEP
        if fires is None or ends is None:
            asked = [ask(FAST, at, None) for at in range(begun, over + 600, 10 * STEP)]
        else:
            fired, ended = begun + fires // STEP * STEP, over + ends // STEP * STEP
            asked = [
                ask(FAST, fired - STEP, None),
                ask(FAST, fired + 2 * STEP, 1),
                ask(FAST, max(over, ended - STEP), 1),
                ask(FAST, ended + 2 * STEP, None),
            ]
        tests.append(a_test(name, series(breached), asked))
    run(tmp_path, rules, {"accord-promises-month"}, *tests)


def test_a_slow_burn_is_told_over_a_day_and_ends_within_two_hours(
    rules: dict[str, Any], tmp_path: Path
) -> None:
    """A tenth may miss, half of them do: three times the budget is above after 90 minutes."""
    slow = 'ALERTS{alertname="AccordSlaSlowBurn",alertstate="firing",severity="warning",long="1d"}'
    breached = "0x30 60+60x89 5400x90"
    burn = series(breached, events="0+120x240", budget=0.1)
    asked = [
        ask(slow, 110 * 120, 1),
        ask(slow, 65 * 120, None),
        ask(slow, 120 * 120, 1),
        ask(slow, 160 * 120, None),
    ]
    groups = {"accord-promises-month", "accord-promises-month-slow"}
    run(tmp_path, rules, groups, a_test("half of them miss", burn, asked, step=120))


def test_a_single_miss_among_few_is_not_told(rules: dict[str, Any], tmp_path: Path) -> None:
    """Ten an hour of which one misses burn a hundred times too fast: that is no trend."""
    events = " ".join(f"{number}x5" for number in range(30))
    any_fast = 'ALERTS{alertname="AccordSlaFastBurn",alertstate="firing"}'
    one = series("0x99 1x140", events=events)
    two = series("0x99 1x5 2x140", events=events)
    few = series("0x29 1x5 2x140", events=events)
    burning = 'sla_id:accord_sla_burn_rate:ratio_increase{sla_range="1h"} > 14.4'
    run(
        tmp_path,
        rules,
        {"accord-promises-month"},
        a_test("one", one, [ask(any_fast, 60 * 103, None), ask(burning, 60 * 103, 1)], step=60),
        a_test("two", two, [ask(any_fast, 60 * 109, 2)], step=60),
        a_test("too few", few, [ask(any_fast, 60 * 38, None), ask(burning, 60 * 38, 1)], step=60),
    )


def test_a_promise_that_is_no_longer_measured_is_told_as_late_as_an_outage_would_be(
    rules: dict[str, Any], tmp_path: Path
) -> None:
    """2 % of a budget of 0.1 % of 30 days are 52 seconds; and two minutes."""
    absent = 'ALERTS{alertname="AccordSlaAbsent",alertstate="firing",sla_id="acme/answer"}'
    gone = [{**one, "values": one["values"].split("x")[0] + "x20 stale"} for one in series("0x20")]
    asked = [
        ask(absent, 20 * 60, None),
        ask(absent, 22 * 60, None),
        ask(absent, 24 * 60, 1),
        ask(absent, 7 * 3_600, None),
    ]
    run(tmp_path, rules, {"accord-promises-rules"}, a_test("gone", gone, asked, step=60))


def test_a_kind_of_window_that_the_rules_do_not_know_is_told(
    rules: dict[str, Any], tmp_path: Path
) -> None:
    outdated = 'ALERTS{alertname="AccordBurnRulesOutdated",alertstate="firing",sla_window="week"}'
    others = series("0x40", events="0x40")
    others[2]["series"] = others[2]["series"].replace("month", "week")
    asked = [ask(outdated, 60 * 14, None), ask(outdated, 60 * 20, 1)]
    run(
        tmp_path,
        rules,
        {"accord-promises-rules"},
        a_test("a week", others, asked, step=60),
        a_test("a month", series("0x40"), [ask(outdated, 60 * 30, None)], step=60),
    )
