"""What Prometheus is shown of each promise."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from shared.domain.instant import MINUTE, SECOND
from shared.runtime.config import driver_url
from tests.api.opened import Api, an_api
from tests.api.stored import NOW

pytestmark = pytest.mark.integration


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with an_api(database_url, tmp_path) as opened:
        yield opened


@pytest.fixture
async def database(database_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(driver_url(database_url))
    yield connection
    await connection.close()


def samples(registry: CollectorRegistry) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    families = text_string_to_metric_families(generate_latest(registry).decode())
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


async def test_metrics_show_each_state_from_memory(
    api: Api, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    assert not any(name.startswith("accord_sla") for name, _ in samples(api.registry))
    await api.exporter.refresh()
    await database.execute("DELETE FROM value")
    found = samples(api.registry)

    def value(name: str, **labels: str) -> float | None:
        return found.get((name, frozenset(labels.items())))

    own = {"sla_id": "acme-support/first-response-p1"}
    states = {s: value("accord_sla_state", **own, state=s) for s in ("ok", "at_risk", "breached")}
    assert states == {"ok": 0, "at_risk": 0, "breached": 1}
    assert value("accord_sla_value_ratio", **own) == 0.5
    assert value("accord_sla_objective_ratio", **own) == 0.95
    assert value("accord_sla_error_budget_remaining_ratio", **own) == -9
    assert value("accord_sla_burn_rate_ratio", **own, sla_window="month") == 10
    assert value("accord_sla_events_total", **own) == 3
    assert value("accord_sla_breached_events_total", **own) == 1
    assert value("accord_sla_value", sla_id="everyone/leads") == 1
    assert value("accord_sla_value_ratio", sla_id="everyone/leads") is None
    partition = {"topic": "accord.events", "partition": "0"}
    watermark = value("accord_event_watermark_timestamp_seconds", **partition)
    assert watermark == (NOW - 5 * MINUTE) / SECOND
    assert value("accord_series_dropped_total") == 0
    info = [dict(labels) for name, labels in found if name == "accord_sla_info"]
    (mine,) = [labels for labels in info if labels["sla_id"] == own["sla_id"]]
    assert mine["sla_scope"] == "customer"
    assert mine["sla_customer"] == "acme"
    assert mine["sla_service"] == "email,payments"
    assert mine["kpi"] == "first-response"


async def test_an_sla_without_a_value_has_no_series_for_it(
    api: Api, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await database.execute(
        """
        UPDATE value SET value = NULL, budget_remaining = NULL, state = 'no_data'
        WHERE objective = 'hosting-desk/response'
        """
    )
    await api.exporter.refresh()
    text = generate_latest(api.registry).decode()
    assert 'accord_sla_state{sla_id="hosting-desk/response",state="no_data"} 1.0' in text
    assert "nan" not in text.lower()
    assert 'accord_sla_value_ratio{sla_id="hosting-desk/response"}' not in text


async def test_what_is_over_the_limit_is_shown_as_one_in_its_worst_state(
    database_url: str, tmp_path: Path
) -> None:
    async with an_api(database_url, tmp_path, series_limit=2) as api:
        await api.exporter.refresh()
        found = samples(api.registry)
    shown = {
        dict(labels)["sla_id"]: dict(labels) for name, labels in found if name == "accord_sla_info"
    }
    assert set(shown) == {"acme-support/first-response-p1", "everyone/leads", "_other"}
    assert shown["_other"]["sla_customer"] == "_other"
    assert found["accord_series_dropped_total", frozenset()] == 4
    assert found["accord_series_limit", frozenset()] == 2
    state = {
        dict(labels)["state"]
        for (name, labels), value in found.items()
        if name == "accord_sla_state" and value and dict(labels)["sla_id"] == "_other"
    }
    assert state == {"breached"}
    other = frozenset({("sla_id", "_other")})
    assert found["accord_sla_events_total", other] == 7
    assert found["accord_sla_breached_events_total", other] == 3


async def test_totals_never_fall(
    api: Api, database: "asyncpg.Connection[asyncpg.Record]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.api.figures.exporter.TOTALS_S", 0.0)
    await api.exporter.refresh()
    own = frozenset({("sla_id", "everyone/leads")})
    for change in ("UPDATE pane SET counted = 0", "DELETE FROM pane"):
        await database.execute(change)
        await api.exporter.refresh()
        assert samples(api.registry)["accord_sla_events_total", own] == 1, change


async def test_a_database_without_the_schema_is_not_ready(
    api: Api, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    assert api.exporter.readiness()["database"] is not None
    await database.execute("UPDATE alembic_version SET version_num = 'older'")
    await api.exporter.refresh()
    assert "accord migrate" in (api.exporter.readiness()["database"] or "")
