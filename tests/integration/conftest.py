"""A database and topics of its own for each test, on the servers that the run shares."""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from services.cli.stack.local_stack import LocalStack
from services.cli.stack.postgres import create_database, drop_database
from shared.runtime.database import Pool, create_pool
from shared.runtime.migrate import migrate
from shared.runtime.topics import Topics, create_topics
from tests.integration.evaluating import DOCUMENTS, Clock, Pipeline, at, catalogue

_numbers = itertools.count(1)


@pytest.fixture
def empty_database_url(stack: LocalStack) -> Iterator[str]:
    """A new database without a schema."""
    yield from _new_database(stack, None)


@pytest.fixture
def database_url(stack: LocalStack, migrated_template: str) -> Iterator[str]:
    """A new database with the schema, copied from one that was migrated once."""
    yield from _new_database(stack, migrated_template)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Pool]:
    """Connections to a new database with the schema."""
    pool = await create_pool(database_url, service="test")
    yield pool
    await pool.close()


@pytest.fixture
def topics(stack: LocalStack) -> Iterator[Topics]:
    """The names of new, empty topics (`ACCORD_TOPIC_PREFIX` is `topics.prefix`)."""
    made = Topics(f"{_unique('t')}.")
    asyncio.run(create_topics(stack.bootstrap_servers, prefix=made.prefix))
    yield made
    if stack.kafka is None:
        asyncio.run(_delete(stack.bootstrap_servers, made.prefix))


@pytest.fixture(scope="session")
def migrated_template(stack: LocalStack) -> Iterator[str]:
    """The name of a database with the schema, for copies."""
    name = _unique("accord_template")
    asyncio.run(create_database(stack.database_url, name))
    asyncio.run(migrate(_url(stack, name)))
    yield name
    asyncio.run(drop_database(stack.database_url, name))


def _new_database(stack: LocalStack, template: str | None) -> Iterator[str]:
    name = _unique("accord_test")
    asyncio.run(create_database(stack.database_url, name, template=template))
    yield _url(stack, name)
    asyncio.run(drop_database(stack.database_url, name))


def _unique(stem: str) -> str:
    return f"{stem}_{os.getpid()}_{next(_numbers)}"


def _url(stack: LocalStack, database: str) -> str:
    return urlunsplit(urlsplit(stack.database_url)._replace(path=f"/{database}"))


async def _delete(bootstrap_servers: str, prefix: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    await admin.start()
    try:
        names = await admin.list_topics()
        await admin.delete_topics([name for name in names if name.startswith(prefix)])
    finally:
        await admin.close()


@pytest.fixture
async def pipeline(
    stack: LocalStack, topics: Topics, database_url: str, database: Pool, tmp_path: Path
) -> Pipeline:
    """Empty topics, an empty database, and a clock at noon of the second of March."""
    return Pipeline(
        servers=stack.bootstrap_servers,
        topics=topics,
        database_url=database_url,
        pool=database,
        clock=Clock(at("03-02T12:00")),
        catalogue=catalogue(DOCUMENTS, tmp_path),
    )
