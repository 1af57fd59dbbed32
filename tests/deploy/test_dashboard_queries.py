"""Every query of every dashboard, asked of a real Prometheus that scrapes the real services."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from deploy.dashboards.states import STATES
from services.cli.api_client import Api, NotKnown
from services.cli.simulator.delivery import Noise
from services.cli.simulator.stream import Simulation, history_start
from services.cli.stack.local_stack import LocalStack
from services.cli.trial import Trial
from services.cli.verification.rest import wait_for_rest
from shared.domain.instant import parse_instant
from shared.runtime.config import process_environment
from tests.deploy.boards import FILES, LABEL_VALUES, Json, board, panels, query_variables
from tests.deploy.exported import ROOT
from tests.deploy.prometheus import SCRAPE_S, Prometheus, Series, program

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(300)]

NOW = parse_instant("2026-03-31T21:30:00Z")
HISTORY = Simulation(
    seed=3,
    start=history_start(NOW, days=2),
    now=NOW,
    volume=0.15,
    live_rate=1,
    noise=Noise(broken=0.01),
)
RANGE_S = 300
# What Grafana puts in their place, at this scrape interval.
BUILT_IN = {"__rate_interval": f"{4 * SCRAPE_S}s", "__range": f"{RANGE_S}s"}
VARIABLE = re.compile(r"\$(\w+)")


@dataclass(frozen=True)
class Shown:
    """What there is to look at."""

    prometheus: Prometheus
    api: Api


@dataclass
class Asked:
    """The queries of a panel, and those that gave rows for some choice of the variables."""

    title: str
    all: set[str] = field(default_factory=set)
    answered: set[str] = field(default_factory=set)


@pytest.fixture(scope="module")
def shown(stack: LocalStack) -> Iterator[Shown]:
    """The example company's services after some days, with their clock stopped, and Prometheus."""
    if program() is None:
        if process_environment().get("CI"):
            pytest.fail("Prometheus is not on this machine (Debian: prometheus)")
        pytest.skip("Prometheus is not on this machine")
    with ExitStack() as running:
        trial = running.enter_context(Trial(stack, "boards", ROOT / "deploy" / "agreements"))
        services = running.enter_context(trial.services(clock=NOW))
        prometheus = running.enter_context(
            Prometheus(trial.folder("prometheus"), services, stack.ports)
        )
        prometheus.wait_until(lambda own: len(own.now("up == 1")) == 4, "it scraped all")
        trial.send_history(HISTORY)
        api = running.enter_context(Api(services.api_url))
        at_rest = wait_for_rest(trial.system, at=NOW, patience_s=120, told=lambda _: None)
        trial.background.run(at_rest)
        prometheus.wait_until(lambda own: own.now(growth("accord_sla_events_total")) != [], "SLIs")
        # A rate needs two scrapes, and where all is at rest between two of them only visits go on.
        prometheus.wait_until(lambda own: visited(api, own), "requests")
        yield Shown(prometheus, api)


def value(series: Series) -> float:
    return float(series["value"][1])


def growth(counter: str) -> str:
    return f"sum (increase({counter}[{RANGE_S}s])) > 0"


def visited(api: Api, prometheus: Prometheus) -> bool:
    """Whether requests were scraped twice; asks for something unknown and for what there is."""
    with pytest.raises(NotKnown):
        api.get("/v1/states/nothing")
    api.get("/v1/states")
    return prometheus.now(growth("accord_http_requests_total")) != []


def filled(text: str, chosen: Mapping[str, str]) -> str:
    return VARIABLE.sub(lambda found: chosen[found[1]], text)


def choices(prometheus: Prometheus, dashboard: Json) -> Iterator[dict[str, str]]:
    """The variables as they are at first, in every combination of those that take one value."""

    def chosen(left: list[Json], so_far: dict[str, str]) -> Iterator[dict[str, str]]:
        if not left:
            yield so_far
            return
        own, *rest = left
        values = [own["allValue"]] if own["multi"] else values_of(prometheus, own, so_far)
        for one in values:
            yield from chosen(rest, {**so_far, own["name"]: one})

    yield from chosen(query_variables(dashboard), dict(BUILT_IN))


def values_of(prometheus: Prometheus, variable: Json, chosen: Mapping[str, str]) -> list[str]:
    found = LABEL_VALUES.fullmatch(variable["query"]["query"])
    assert found
    return prometheus.label_values(filled(found["selector"], chosen), found["label"])


def rows(prometheus: Prometheus, target: Json, chosen: Mapping[str, str]) -> list[Series]:
    expression = filled(target["expr"], chosen)
    if target["range"]:
        return prometheus.lately(expression, RANGE_S, 5)
    return prometheus.now(expression)


def asked(prometheus: Prometheus, dashboard: Json) -> list[Asked]:
    """Every query of every panel, for as many choices as it takes to be answered."""
    found = [
        Asked(own["title"], {one["expr"] for one in own["targets"]}) for own in panels(dashboard)
    ]
    left = {target["expr"]: target for own in panels(dashboard) for target in own["targets"]}
    for chosen in choices(prometheus, dashboard):
        answered = {text for text, own in left.items() if rows(prometheus, own, chosen)}
        for text in answered:
            del left[text]
        for panel in found:
            panel.answered |= panel.all & answered
        if not left:
            break
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_query_of_every_panel_gives_rows(
    shown: Shown, path: Path, record_property: Callable[[str, object], None]
) -> None:
    found = asked(shown.prometheus, board(path))
    record_property("panels", len(found))
    record_property("queries", sum(len(own.all) for own in found))
    assert [(own.title, text) for own in found for text in own.all - own.answered] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_variable_has_values_to_choose_from(shown: Shown, path: Path) -> None:
    dashboard = board(path)
    chosen = next(choices(shown.prometheus, dashboard))
    for variable in query_variables(dashboard):
        assert values_of(shown.prometheus, variable, chosen), variable["name"]


def numbers(shown: Shown, name: str) -> dict[str, float]:
    """What the single numbers of a dashboard show, by title."""
    [path] = [own for own in FILES if own.stem == name]
    dashboard = board(path)
    chosen = next(choices(shown.prometheus, dashboard))
    return {
        own["title"]: value(rows(shown.prometheus, own["targets"][0], chosen)[0])
        for own in panels(dashboard)
        if own["type"] == "stat"
    }


def test_the_overview_counts_what_the_api_says(shown: Shown) -> None:
    states = Counter(str(own["state"]) for own in shown.api.each("/v1/states"))
    assert len(states) > 2

    def counted(_: Prometheus) -> bool:
        found = numbers(shown, "overview")
        return all(found[own.title] == states[own.name] for own in STATES)

    shown.prometheus.wait_until(counted, f"the overview counted {states}")


def test_a_customer_is_shown_in_its_worst_state(shown: Shown) -> None:
    info = {
        own["metric"]["sla_id"]: own["metric"].get("sla_customer", "")
        for own in shown.prometheus.now("accord_sla_info")
    }
    order = {own.name: own.severity for own in STATES}
    worst: dict[str, int] = {}
    for own in shown.api.each("/v1/states"):
        customer = info[str(own["sla_id"])]
        if customer:
            worst[customer] = max(worst.get(customer, 0), order[str(own["state"])])
    assert len(worst) > 3
    told = {
        "Customers": len(worst),
        "With a breach": sum(own == order["breached"] for own in worst.values()),
        "OK": sum(own == order["ok"] for own in worst.values()),
    }
    shown.prometheus.wait_until(
        lambda _: told.items() <= numbers(shown, "customers").items(), f"it told {told}"
    )


def test_nothing_is_asked_of_what_nobody_scrapes(shown: Shown) -> None:
    unknown = {"job": "nobody", "instance": "nobody"}
    for path in FILES:
        dashboard = board(path)
        chosen = {**next(choices(shown.prometheus, dashboard)), **unknown}
        for panel, target in (
            (own["title"], one) for own in panels(dashboard) for one in own["targets"]
        ):
            assert rows(shown.prometheus, target, chosen) == [], panel
