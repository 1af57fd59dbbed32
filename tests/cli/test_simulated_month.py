"""A month of the simulated company makes every promise of the example documents move."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Final

import pytest

from services.cli.evaluate import Reading
from services.cli.simulator.stream import Simulation, history_start, simulate
from shared.documents import load
from shared.domain.agreement import Catalogue, objective_id
from shared.domain.clock import ClockState
from shared.domain.evaluation import Evaluation, evaluate
from shared.domain.event import Event
from shared.domain.instant import DAY, HOUR, parse_instant
from shared.domain.judge import State
from shared.domain.plan import compile_plan
from shared.wire.cloudevents import decode_record

pytestmark = pytest.mark.slow

NOW: Final = parse_instant("2026-11-26T10:05:00Z")
AGREEMENTS: Final = Path(__file__).parents[2] / "deploy" / "agreements"
MARKETING: Final = ("campaign", "event", "referral")


@dataclass(frozen=True, slots=True)
class Month:
    """What was told until `NOW`, and what holds then."""

    catalogue: Catalogue
    events: list[Event]
    found: Evaluation

    def of(self, *types: str) -> Iterator[Event]:
        """The events of these types, as often as they came."""
        return (event for event in self.events if event.type in types)


@pytest.fixture(scope="module")
def month() -> Month:
    catalogue = load(AGREEMENTS).catalogue
    assert catalogue is not None
    simulation = Simulation(seed=1, start=history_start(NOW), now=NOW)
    sent = takewhile(lambda own: own.at < NOW, simulate(simulation))
    events = [decode_record(own.headers, own.value) for own in sent if not own.spoiled]
    reading = Reading(compile_plan(catalogue), now=NOW)
    for number, event in enumerate(events):
        reading.take(event, number)
    return Month(catalogue, events, evaluate(catalogue, reading.items.values(), now=NOW))


def test_it_is_as_busy_as_a_company_of_that_size(month: Month) -> None:
    assert 60_000 < len(month.events) < 70_000


def test_a_thousand_qualified_leads_make_some_fifty_deals(month: Month) -> None:
    lately = [event for event in month.events if event.time >= NOW - 30 * DAY]
    brought = {
        event.item for event in month.of("lead.created") if event.data.get("channel") in MARKETING
    }
    qualified = {event.item for event in lately if event.type == "lead.qualified"} & brought
    won = {event.item for event in lately if event.type == "lead.won"} & brought
    assert 900 < len(qualified) < 1200
    assert 45 < len(won) < 70


def test_every_promise_has_been_judged(month: Month) -> None:
    judged = {
        objective_id(own.judgement.version.agreement, own.judgement.objective.name)
        for own in month.found.objectives
        if own.judgement.state is not State.NO_DATA
    }
    promised = {
        objective_id(agreement.name, name)
        for agreement in month.catalogue.agreements.values()
        for name in agreement.objective_names
    }
    assert promised - judged == set()


def test_most_is_kept_and_some_is_at_risk_or_broken(month: Month) -> None:
    states = Counter(
        own.judgement.state
        for own in month.found.objectives
        if own.window.start <= NOW < own.window.end
    )
    assert states[State.OK] > 0.7 * states.total()
    assert states[State.AT_RISK] > 2
    assert 2 < states[State.BREACHED] < 0.15 * states.total()
    assert states[State.NO_DATA] <= 3


def test_tickets_go_from_site_to_site_and_from_team_to_team(month: Month) -> None:
    ways = Counter((own.agreement, own.objective) for own in month.found.clocks if own.cycle > 1)
    for agreement in ("austin-to-berlin", "berlin-to-austin"):
        assert ways[agreement, "time-at-site"] > 50
    assert ways["second-line", "time-in-team"] > 300
    assert ways["nordlink", "time-in-team"] > 100
    teams = Counter(event.data.get("team") for event in month.of("ticket.assigned"))
    assert set(teams) >= {"berlin-desk", "austin-desk", "network", "nordlink", "nightline"}
    back = [event for event in month.of("ticket.assigned") if event.data.get("actor") == "provider"]
    assert len(back) > 200


def test_clocks_end_in_every_way(month: Month) -> None:
    states = Counter(own.state for own in month.found.clocks)
    assert min(states[state] for state in ClockState) > 100
    repaired = [own for own in month.found.clocks if own.objective == "repair" and own.cycle > 1]
    assert len(repaired) > 30


def test_one_month_holds_clocks_of_two_versions(month: Month) -> None:
    begun = Counter(
        own.target
        for own in month.found.clocks
        if (own.agreement, own.objective) == ("acme-support", "first-response")
        and own.started_at >= NOW - 25 * DAY
    )
    assert begun.keys() == {4 * HOUR, 3 * HOUR}


def test_money_is_written_as_a_number_and_as_a_text(month: Month) -> None:
    won = [event.data for event in month.of("lead.won")]
    assert {(type(own["amount"]).__name__, own["currency"]) for own in won} == {
        ("str", "USD"),
        ("Decimal", "EUR"),
    }


def test_what_was_told_is_corrected_and_taken_back(month: Month) -> None:
    replaced = Counter(event.type for event in month.events if event.replaces is not None)
    assert {"lead.won", "lead.retracted", "ticket.created", "ticket.retracted"} <= set(replaced)
    told = Counter(event.type for event in month.events)
    rare = ("renewed", "churned", "rated")
    assert min(told[f"lead.{what}"] for what in rare) > 2
    for what in ("reopened", "merged", "credited", "priority_changed", "customer_changed"):
        assert told[f"ticket.{what}"] > 40
