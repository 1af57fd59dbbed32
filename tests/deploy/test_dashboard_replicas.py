"""What the queries say when several replicas of the api export the same promises."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from deploy.dashboards.promql import Promises, among, each, grown, or_none, severity

pytestmark = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not on this machine"
)

ALL = Promises(())
REPLICAS = ("a", "b")
A, B = "support/first", "support/second"


def series(name: str, values: str, replica: str, **labels: str) -> dict[str, str]:
    every = {"job": "accord-api", "instance": replica} | labels
    inside = ",".join(f'{key}="{value}"' for key, value in every.items())
    return {"series": f"{name}{{{inside}}}", "values": values}


def two_promises() -> list[dict[str, str]]:
    """One is breached, one holds, each said by both replicas."""
    found = []
    for replica in REPLICAS:
        for sla_id, state, customer in ((A, "breached", "acme"), (B, "ok", "")):
            for name in ("breached", "at_risk", "no_data", "excluded", "ok"):
                value = f"{int(name == state)}x10"
                found.append(series("accord_sla_state", value, replica, sla_id=sla_id, state=name))
            labels = {"sla_id": sla_id, "agreement": "support", "sla_customer": customer}
            found.append(series("accord_sla_info", "1x10", replica, **labels))
        found.append(series("accord_sla_breached_events_total", "0+3x10", replica, sla_id=A))
    return found


def evaluated(
    folder: Path, given: list[dict[str, str]], expression: str, wanted: dict[str, float]
) -> None:
    """Fail unless Prometheus gives the expression these values, by labels, after 5 minutes."""
    for name in ("job", "instance"):
        expression = expression.replace(f"${name}", ".+")
    samples = [{"labels": labels, "value": value} for labels, value in wanted.items()]
    asked = {"expr": expression, "eval_time": "5m", "exp_samples": samples}
    file = folder / "asked.json"
    test = {"interval": "1m", "input_series": given, "promql_expr_test": [asked]}
    file.write_text(json.dumps({"tests": [test]}), encoding="utf-8")
    command = ["promtool", "test", "rules", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_promise_is_counted_once(tmp_path: Path) -> None:
    given = two_promises()
    evaluated(tmp_path, given, ALL.in_state("breached"), {"{}": 1})
    evaluated(tmp_path, given, ALL.in_state("at_risk"), {"{}": 0})
    evaluated(tmp_path, given, ALL.in_state("ok"), {"{}": 1})
    by_state = {f'{{state="{own}"}}': 0.0 for own in ("at_risk", "no_data", "excluded")}
    by_state |= {'{state="breached"}': 1, '{state="ok"}': 1}
    evaluated(tmp_path, given, ALL.by_state(), by_state)


def test_what_was_missed_is_counted_once(tmp_path: Path) -> None:
    counter = "accord_sla_breached_events_total"
    evaluated(tmp_path, two_promises(), ALL.summed(grown(counter, "2m")), {"{}": 6})


def test_a_choice_is_kept(tmp_path: Path) -> None:
    acme = Promises(('sla_customer="acme"',))
    evaluated(tmp_path, two_promises(), acme.in_state("breached"), {"{}": 1})
    evaluated(tmp_path, two_promises(), acme.in_state("ok"), {"{}": 0})


def test_the_worst_state_is_that_of_all(tmp_path: Path) -> None:
    given = two_promises()
    evaluated(tmp_path, given, severity(), {f'{{sla_id="{A}"}}': 4, f'{{sla_id="{B}"}}': 0})
    evaluated(tmp_path, given, ALL.worst("agreement"), {'{agreement="support"}': 4})
    first = among(ALL.severities(), "sla_id", 1, ALL.severities())
    evaluated(tmp_path, given, first, {f'{{sla_id="{A}"}}': 4})


def test_replicas_that_say_other_labels_for_a_moment_make_no_query_fail(tmp_path: Path) -> None:
    labels = {"sla_id": A, "agreement": "support", "sla_customer": "globex"}
    given = [*two_promises(), series("accord_sla_info", "1x10", "c", **labels)]
    evaluated(tmp_path, given, ALL.in_state("breached", "agreement"), {'{agreement="support"}': 1})
    evaluated(tmp_path, given, ALL.in_state("breached"), {"{}": 1})


def test_without_series_there_is_no_number(tmp_path: Path) -> None:
    given = [series("up", "1x10", "a")]
    for expression in (
        ALL.in_state("breached"),
        ALL.worst("agreement"),
        ALL.chosen(each("accord_sla_value_ratio")),
        or_none("sum (accord_partition_stopped)", "evaluator"),
    ):
        evaluated(tmp_path, given, expression, {})


def test_nothing_has_happened_is_0_while_the_service_runs(tmp_path: Path) -> None:
    running = series("accord_build_info", "1x10", "e", job="accord-evaluator")
    stopped = series("accord_partition_stopped", "1x10", "e", job="accord-evaluator", partition="3")
    asked = or_none("sum (accord_partition_stopped)", "evaluator")
    evaluated(tmp_path, [running], asked, {"{}": 0})
    evaluated(tmp_path, [running, stopped], asked, {"{}": 1})
