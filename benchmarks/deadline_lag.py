"""How long after a silent deadline its breach is announced, over 200 deadlines.

No event comes while they pass. Measured on `accord.breaches`, by the broker's own timestamp: the
deadline, its settlement, the judging, the relay and Kafka are all in it.
"""

import argparse
import json
import time
from typing import Final

from benchmarks.stage import a_new_ticket, a_trial, quantile, report
from services.cli.simulator.delivery import Record
from services.cli.terminal import say
from services.cli.trial import Trial
from services.cli.verification.accepted import records_of
from shared.domain.instant import MINUTE, SECOND, Instant, parse_instant
from shared.runtime.wall_clock import system_clock

_TARGET: Final = 30 * MINUTE
_AGREEMENTS: Final = """
apiVersion: accord/v1
kind: Kpi
metadata: {name: first-response}
spec:
  item: ticket
  measure: duration
  start: {event: ticket.created}
  stop: {event: ticket.replied}
---
apiVersion: accord/v1
kind: Agreement
metadata: {name: lag}
spec:
  level: corporate
  parties: {provider: support, customer: everyone}
  effective: {from: "2020-01-01T00:00:00Z"}
  objectives:
    - name: response
      kpi: first-response
      target: {within: PT30M, ratio: "0.9"}
      window: {calendar: day}
"""


def a_ticket(number: int, created: Instant) -> Record:
    """A ticket that nobody will answer."""
    return a_new_ticket(f"T-{number}", created, {"priority": "p1"}, sent_at=created)


def main() -> None:
    """Measure and print the 50th and 99th percentile and the longest lag."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--deadlines", type=int, default=200)
    asked.add_argument("--apart-ms", type=int, default=150)
    given = asked.parse_args()
    with a_trial("deadline_lag") as trial:
        folder = trial.folder("agreements")
        (folder / "lag.yaml").write_text(_AGREEMENTS, encoding="utf-8")
        trial.agreements = folder
        with trial.services(names=("ingest", "evaluator")):
            lags = measure(trial, given.deadlines, given.apart_ms)
    report("deadline_lag_p50", quantile(lags, 0.5), "s")
    report("deadline_lag_p99", quantile(lags, 0.99), "s")
    report("deadline_lag_max", lags[-1], "s")


def measure(trial: Trial, deadlines: int, apart_ms: int) -> list[float]:
    """Let so many deadlines pass one after the other; seconds until each was announced, sorted."""
    first = system_clock() - _TARGET + 8 * SECOND
    trial.send(a_ticket(n, first + n * apart_ms * 1000) for n in range(deadlines))
    say(f"{deadlines} deadlines pass in silence")
    time.sleep(8 + deadlines * apart_ms / 1000 + 5)
    lags = sorted(trial.background.run(_announced(trial)).values())
    if len(lags) != deadlines:
        message = f"{len(lags)} of {deadlines} breaches were announced"
        raise SystemExit(message)
    return lags


async def _announced(trial: Trial) -> dict[str, float]:
    """Seconds from each item's deadline to the broker's timestamp of its announcement."""
    found: dict[str, float] = {}
    async for record in records_of(trial.system.bootstrap_servers, [trial.topics.breaches]):
        event = json.loads(record.value or b"{}")
        data = event["data"]
        if event["type"] == "accord.breach.opened" and data["scope"] == "item":
            lag = record.timestamp * 1000 - parse_instant(data["opened_at"])
            found.setdefault(data["item"], lag / SECOND)
    return found


if __name__ == "__main__":
    main()
