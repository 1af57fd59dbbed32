"""What the probes of a cluster hear from real processes while their database is away."""

import asyncio
import contextlib
import json
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from services.cli.stack.local_stack import LocalStack
from services.cli.stack.ports import HOST
from services.cli.stack.services import ALL, Services
from services.cli.trial import Trial
from tests.deploy.manifests import containers, pods, written

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(240)]

AGREEMENTS = Path(__file__).parents[1] / "e2e" / "agreements"


def asked(services: Services, name: str, probe: str) -> tuple[int, dict[str, object]]:
    """What the probe of a service's manifest is answered: the status, and the body of a refusal."""
    [container] = containers(pods(written())[f"accord-{name}"])
    url = f"{services.health_url(name)}{container[probe]['httpGet']['path']}"
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own address
            return answer.status, {}
    except urllib.error.HTTPError as refused:
        return refused.code, json.loads(refused.read())


def wait_for(services: Services, name: str, status: int) -> None:
    """Until the process says so of its readiness; it must not end meanwhile."""
    services.child(name).wait_until(
        lambda: asked(services, name, "readinessProbe")[0] == status, f"it said {status}", 60.0
    )


class Gate:
    """What the services take for PostgreSQL: passes everything on, or cuts it while it is shut."""

    def __init__(self, url: str) -> None:
        self._to = urlsplit(url)
        self._server: asyncio.Server | None = None
        self._shut = False
        self._open: set[asyncio.StreamWriter] = set()
        self._halves: set[asyncio.Task[None]] = set()

    async def listen(self) -> str:
        """Begin to; the URL to connect to."""
        self._server = await asyncio.start_server(self._accept, HOST, 0)
        login = self._to.netloc.rpartition("@")[0]
        port = self._server.sockets[0].getsockname()[1]
        return urlunsplit(self._to._replace(netloc=f"{login}@{HOST}:{port}"))

    async def shut(self) -> None:
        """Cut what is connected, and what connects from now on."""
        self._shut = True
        for writer in self._open:
            writer.transport.abort()

    async def open(self) -> None:
        """Pass everything on again."""
        self._shut = False

    async def close(self) -> None:
        """Listen no more; the connections end with who has them."""
        if self._server is not None:
            self._server.close()

    async def _accept(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        if self._shut:
            client.transport.abort()
            return
        replies, server = await asyncio.open_connection(self._to.hostname, self._to.port)
        self._open |= {client, server}
        for source, sink in ((reader, server), (replies, client)):
            half = asyncio.create_task(_pass_on(source, sink))
            self._halves.add(half)
            half.add_done_callback(self._halves.discard)


async def _pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(64 * 1024):
            sink.write(data)
            await sink.drain()
    sink.transport.abort()


def test_a_process_lives_while_its_database_is_away_and_is_ready_when_it_is_back(
    stack: LocalStack,
) -> None:
    with Trial(stack, "probes", AGREEMENTS) as trial:
        gate = Gate(trial.system.database_url)
        url = trial.background.run(gate.listen())
        with trial.services(ACCORD_DATABASE_URL=url) as services:
            pids = {name: services.child(name).pid for name in ALL}
            assert {asked(services, name, "readinessProbe")[0] for name in ALL} == {200}
            trial.background.run(gate.shut())
            for name in ("evaluator", "api"):
                wait_for(services, name, 503)
            for name in ALL:
                assert asked(services, name, "livenessProbe") == (200, {})
            trial.background.run(gate.open())
            for name in ALL:
                wait_for(services, name, 200)
            assert services.dead() == {}
            assert {name: services.child(name).pid for name in ALL} == pids
        trial.background.run(gate.close())
