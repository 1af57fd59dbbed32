"""Burn rates: the factors, what cannot fire, and the file of rules."""

from fractions import Fraction
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from services.cli.alert_rules.alerts import rule_groups
from services.cli.alert_rules.burn import (
    USUAL,
    Pair,
    absent_after,
    can_fire,
    exhausted_after,
    why_not,
)
from services.cli.alert_rules.command import rules_of
from services.cli.alert_rules.kinds import Watch, duration, window_kinds
from services.cli.main import app
from shared.domain.agreement import Catalogue
from shared.domain.instant import DAY, HOUR, MINUTE, SECOND
from tests.api.stored import a_catalogue

KPI = """
apiVersion: accord/v1
kind: Agreement
metadata: {{name: acme}}
spec:
  level: customer
  parties: {{provider: desk, customer: acme}}
  effective: {{from: "2026-01-01T00:00:00Z"}}
  objectives:
"""


def promises(folder: Path, *objectives: str) -> Catalogue:
    return a_catalogue(folder, KPI.format() + "".join(f"    - {own}\n" for own in objectives))


def within(name: str, ratio: str, window: str = "{calendar: month}") -> str:
    target = f'{{within: PT1H, ratio: "{ratio}"}}'
    return f"{{name: {name}, kpi: ticket-first-response, target: {target}, window: {window}}}"


@pytest.mark.parametrize(
    ("days", "factors"),
    [
        (7, ["3.36", "1.4", "0.7", "7/30"]),
        (14, ["6.72", "2.8", "1.4", "7/15"]),
        (30, ["14.4", "6", "3", "1"]),
        (90, ["43.2", "18", "9", "3"]),
    ],
)
def test_a_factor_spends_its_share_of_the_budget_within_the_range(
    days: int, factors: list[str]
) -> None:
    assert [pair.factor(days * DAY) for pair in USUAL] == [Fraction(own) for own in factors]


@pytest.mark.parametrize("days", [1, 7, 28, 30, 90, 365])
def test_the_usual_pairs_are_in_proportion_to_the_period(days: int) -> None:
    scaled = [own.scaled(days * DAY) for own in USUAL]
    factors = [pair.factor(days * DAY) for pair in scaled]
    assert factors == [Fraction("14.4"), 6, 3, 1]
    assert all(own.long == 12 * own.short and own.short % SECOND == 0 for own in scaled)
    if days == 28:
        assert [duration(pair.long) for pair in scaled] == ["56m", "5h36m", "22h24m", "2d19h12m"]


def test_a_week_by_other_shares_has_the_factors_known_for_it() -> None:
    shares = ["0.08", "0.125", "0.2", "0.42"]
    ranges = [HOUR, 6 * HOUR, DAY, 3 * DAY]
    pairs = [Pair(Fraction(s), r, "warning") for s, r in zip(shares, ranges, strict=True)]
    factors = [pair.factor(7 * DAY) for pair in pairs]
    assert factors == [Fraction(own) for own in ("13.44", "3.5", "1.4", "0.98")]


@pytest.mark.parametrize(
    ("factor", "lasts"),
    [("1", "30d"), ("2", "15d"), ("6", "5d"), ("14.4", "2d2h"), ("36", "20h"), ("1000", "43m12s")],
)
def test_a_budget_lasts_as_long_as_its_period_divided_by_the_burn_rate(
    factor: str, lasts: str
) -> None:
    assert duration(exhausted_after(Fraction(factor), 30 * DAY)) == lasts


@pytest.mark.parametrize(
    ("factor", "target"), [("14.4", "0.930556"), ("6", "0.833334"), ("3", "0.666667")]
)
def test_a_factor_is_out_of_reach_where_all_that_misses_burns_no_faster(
    factor: str, target: str
) -> None:
    budget = 1 - Fraction(target)
    assert can_fire(Fraction(factor), budget)
    assert not can_fire(Fraction(factor), budget + Fraction("0.00001"))
    assert not can_fire(Fraction(1), Fraction(0))
    assert can_fire(Fraction(1), Fraction("0.99999"))


@pytest.mark.parametrize(
    ("target", "minutes"), [("0.9", 86), ("0.95", 44), ("0.99", 10), ("0.999", 3), ("0.9999", 2)]
)
def test_an_unmeasured_promise_is_waited_for_as_long_as_an_outage_would_take(
    target: str, minutes: int
) -> None:
    after = absent_after(Fraction(14), HOUR, 1 - Fraction(target))
    assert round(Fraction(after, MINUTE)) == minutes


def test_a_pair_that_is_no_use_is_refused_with_the_reason() -> None:
    def why(pair: Pair, period: int = 30 * DAY, budget: str = "0.001") -> str | None:
        budgets = (Fraction(budget),)
        return why_not(pair, period, budgets, scrape=15 * SECOND, storage=15 * DAY)

    assert why(USUAL[0]) is None
    assert "four scrapes" in (why(USUAL[0].scaled(DAY), DAY) or "")
    assert "keeps" in (why(USUAL[3].scaled(365 * DAY), 365 * DAY) or "")
    assert "although the budget lasts" in (why(USUAL[2], 7 * DAY) or "")
    assert "cannot fire" in (why(USUAL[0], budget="0.08") or "")
    assert why(USUAL[1], budget="0.08") is None


def test_rules_are_written_for_each_length_of_window_and_say_what_is_not_watched(
    tmp_path: Path,
) -> None:
    catalogue = promises(
        tmp_path,
        within("strict", "0.999"),
        within("lax", "0.5"),
        within("all", "1"),
        within("weekly", "0.99", "{calendar: week}"),
        within("rolling", "0.99", "{rolling: P7D, step: PT1H}"),
        "{name: rated, kpi: lead-conversion, target: {atMost: '0.1'}, window: {calendar: year}}",
        "{name: mean, kpi: ticket-resolution, target: {mean: true, atMost: PT8H},"
        " window: {calendar: day}}",
    )
    week, month, year = window_kinds(catalogue, Watch())
    assert (week.labels, month.labels, year.labels) == (("P7D", "week"), ("month",), ("year",))
    assert week.matcher == 'sla_window=~"P7D|week"'
    assert [duration(pair.long) for pair in month.pairs] == ["1h", "6h", "1d", "3d"]
    assert month.notes == (
        "acme/all has no budget: its first miss is a breach",
        "acme/lax may miss 50 %: it cannot burn fast enough for 1h, 6h, 1d",
    )
    text = rules_of(catalogue)
    assert text == rules_of(catalogue)
    assert "# acme/all has no budget" in text
    groups = [group["name"] for group in yaml.safe_load(text)["groups"]]
    assert groups[:3] == ["accord-promises-read", "accord-promises-p7d-week",
                          "accord-promises-p7d-week-slow"]  # fmt: skip


def test_no_two_rules_say_the_same_of_the_same(tmp_path: Path) -> None:
    catalogue = promises(
        tmp_path,
        *(
            within(f"w{number}", "0.999", window)
            for number, window in enumerate(
                ["{calendar: day}", "{calendar: month}", "{rolling: P2D, step: PT1H}",
                 "{rolling: P28D, step: P1D}", "{calendar: quarter}", "{tumbling: PT36H}"]
            )
        ),
    )  # fmt: skip
    watch = Watch()
    seen: set[str] = set()
    for group in rule_groups(window_kinds(catalogue, watch), watch):
        rules = group["rules"]
        assert isinstance(rules, list)
        for rule in rules:
            labels = rule.get("labels", {})
            own = f"{rule.get('record', rule.get('alert'))} {sorted(labels.items())}"
            assert own not in seen
            seen.add(own)


def test_the_command_takes_pairs_of_ones_own_and_refuses_what_it_cannot_read(
    tmp_path: Path,
) -> None:
    promises(tmp_path, within("strict", "0.999"))

    def accord(*options: str) -> tuple[int, str, str]:
        done = CliRunner().invoke(app, ["rules", str(tmp_path), *options])
        return done.exit_code, done.stdout, done.stderr

    code, text, _ = accord("--pair", "0.08/1h/info", "--minimum", "3")
    assert code == 0
    alerts = [
        rule
        for group in yaml.safe_load(text)["groups"]
        for rule in group["rules"]
        if rule.get("alert") == "AccordSlaSlowBurn"
    ]
    [alert] = alerts
    assert alert["labels"]["severity"] == "info"
    assert "> 57.6" in alert["expr"]
    assert ">= 3" in alert["expr"]
    for wrong in ("2/1h/info", "0.02/1h/loud", "0.02", "0.02/1x/info", "0.0/1h/info"):
        code, text, said = accord("--pair", wrong)
        assert (code, text) == (2, ""), wrong
        assert "such as" in said
    assert accord("--scrape", "often")[0] == 2


def test_documents_that_do_not_load_give_no_rules(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("kind: Agreement\n", encoding="utf-8")
    done = CliRunner().invoke(app, ["rules", str(tmp_path)])
    assert done.exit_code == 2
    assert done.stdout == ""
    assert "broken.yaml:1" in done.stderr
