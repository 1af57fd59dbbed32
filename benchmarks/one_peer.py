"""One peer alone, over as many events as wished: `python -m benchmarks.one_peer bytewax`."""

import argparse

from benchmarks.peers import NAMES, installed, peer_rate
from benchmarks.stage import a_trial, report
from benchmarks.throughput import different, fill
from shared.runtime.config import driver_url


def main() -> None:
    """Fill an event log and print the peer's rate over it."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("name", choices=NAMES)
    asked.add_argument("--events", type=int, default=100_000)
    asked.add_argument("--rounds", type=int, default=1)
    given = asked.parse_args()
    python = installed()
    if python is None:
        raise SystemExit(1)
    with a_trial("one_peer") as trial:
        count = trial.background.run(fill(trial, different(given.events)))
        url = driver_url(trial.system.database_url)
        servers, topic = trial.system.bootstrap_servers, trial.topics.events
        for _ in range(given.rounds):
            rate = peer_rate(given.name, python, servers, topic, count, url)
            report(f"{given.name}_events_per_second", rate, "events/s")


if __name__ == "__main__":
    main()
