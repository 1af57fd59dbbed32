"""Many streams whose readers come and go: each change has to reach each reader once, in order.

An api process and its database; changes are appended as the relay does, at even distances. Each
reader breaks its connection at a moment of its own, again and again, and comes back with the last
id it had. In the end every reader has to have every number, in order, none twice.

Readers and api share the machine's cores: the times are those of both together.
"""

import argparse
import asyncio
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final
from urllib.parse import urlsplit

import psutil

from benchmarks.stage import a_trial, processor_seconds, quantile, report
from services.cli.stack.local_stack import DATA
from services.cli.stack.services import Services
from services.cli.terminal import say
from services.cli.trial import Trial
from services.evaluator import change_log
from services.evaluator.change_log import Change
from shared.runtime.database import create_pool, transaction

_STAY_S: Final = 20.0
"""A reader stays for so long on average before it breaks its connection."""
_AWAY_S: Final = 0.5
_PATIENCE_S: Final = 60.0
_ID: Final = b"id: "
_DATA: Final = b"data: "


@dataclass(slots=True)
class Reader(asyncio.Protocol):
    """One reader over all its connections: the id it had last, and what is wrong so far."""

    last: int = 0
    told: int = 0
    wrong: int = 0
    connections: int = 0
    lags: list[float] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    _rest: bytes = b""
    _id: int = 0

    def data_received(self, data: bytes) -> None:
        """Take whole lines; those of the chunked encoding are none of an event's."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if line.startswith(_ID):
                self._id = int(line[len(_ID) :])
            elif line.startswith(_DATA):
                self._take(line)

    def _take(self, line: bytes) -> None:
        self.told += 1
        self.wrong += self._id != self.last + 1
        self.last = self._id
        if self.told % 50 == 0:
            appended = json.loads(line[len(_DATA) :])["appended"]
            self.lags.append(time.monotonic() - appended)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - as asyncio calls it
        """The connection is gone, whoever broke it."""
        self._rest = b""
        self.ended.set()


async def read(reader: Reader, host: str, port: int, seed: int, done: asyncio.Event) -> None:
    """Read and break off, again and again, until told that all is done."""
    random, loop = Random(seed), asyncio.get_running_loop()  # noqa: S311 - no secret
    request = f"GET /v1/stream?last_event_id={{}} HTTP/1.1\r\nhost: {host}\r\n\r\n"
    while not done.is_set():
        reader.ended.clear()
        transport, _ = await loop.create_connection(lambda: reader, host, port)
        reader.connections += 1
        transport.write(request.format(reader.last).encode())
        stay = random.expovariate(1 / _STAY_S)
        waits = [asyncio.ensure_future(own.wait()) for own in (reader.ended, done)]
        await asyncio.wait(waits, timeout=stay, return_when=asyncio.FIRST_COMPLETED)
        for own in waits:
            own.cancel()
        transport.abort()
        await reader.ended.wait()
        await asyncio.sleep(random.random() * _AWAY_S * (not done.is_set()))


async def append(database_url: str, rate: float, seconds: float) -> int:
    """Append changes at even distances, as the relay does; how many."""
    count = round(rate * seconds)
    begun = time.monotonic()
    async with await create_pool(database_url, service="bench") as pool:
        for number in range(count):
            await asyncio.sleep(max(0.0, begun + number / rate - time.monotonic()))
            async with transaction(pool) as connection:
                if not await change_log.take_turn(connection):
                    message = "somebody else appends, too"
                    raise SystemExit(message)
                await change_log.append(connection, [_change(number)])
    return count


def _change(number: int) -> Change:
    body = {"specversion": "1.0", "type": "accord.state.changed", "appended": time.monotonic()}
    return Change(
        at=number + 1,
        event_id=f"e-{number}",
        type="state.changed",
        objective="bench/streams",
        grp="[]",
        level="service",
        customers="[]",
        body=json.dumps({**body, "data": {"filling": "x" * 600}}),
    )


async def measure(trial: Trial, services: Services, given: argparse.Namespace) -> list[Reader]:
    """Connect all readers, append, wait until each has everything."""
    place = urlsplit(services.api_url)
    host, port = str(place.hostname), int(place.port or 0)
    done = asyncio.Event()
    readers = [Reader() for _ in range(given.readers)]
    reading = [
        asyncio.create_task(read(own, host, port, seed, done)) for seed, own in enumerate(readers)
    ]
    await asyncio.sleep(2 + given.readers / 500)
    say(f"{given.readers} readers are there; {given.rate:g} changes a second from now on")
    count = await append(trial.system.database_url, given.rate, given.seconds)
    end = time.monotonic() + _PATIENCE_S
    while any(own.last < count for own in readers) and time.monotonic() < end:  # noqa: ASYNC110 - of many
        await asyncio.sleep(0.1)
    done.set()
    await asyncio.gather(*reading)
    return readers


def main() -> None:
    """Measure; exit code 1 when a change was lost, doubled or out of order for anybody."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--readers", type=int, default=1_000)
    asked.add_argument("--rate", type=float, default=10.0, help="changes a second")
    asked.add_argument("--seconds", type=float, default=60.0)
    asked.add_argument("--data", type=Path, default=DATA / "bench", help="folder of the stack")
    given = asked.parse_args()
    with (
        a_trial("streams", home=given.data) as trial,
        trial.services(names=("api",)) as services,
    ):
        pids = [own.pid for own in psutil.Process().children(recursive=True)]
        api = [pid for pid in pids if "services.api" in psutil.Process(pid).cmdline()]
        before, begun = processor_seconds(api), time.monotonic()
        readers = asyncio.run(measure(trial, services, given))
        lasted = time.monotonic() - begun
        report("streams_api_cpu", (processor_seconds(api) - before) / lasted, "processors")
    tell(readers, round(given.rate * given.seconds), lasted)


def tell(readers: list[Reader], count: int, lasted: float) -> None:
    """Print what was told to whom; SystemExit when something is wrong."""
    told = sum(own.told for own in readers)
    wrong = sum(own.wrong for own in readers) + sum(own.last != count for own in readers)
    lags = sorted(lag for own in readers for lag in own.lags)
    report("streams_changes_told", told, "changes", of=count * len(readers))
    report("streams_told_per_second", told / lasted, "changes/s")
    report("streams_connections", sum(own.connections for own in readers), "connections")
    for share in (0.5, 0.99):
        report(f"streams_lag_p{round(share * 100)}", quantile(lags, share), "s")
    report("streams_lost_doubled_or_out_of_order", wrong, "changes")
    if wrong or told != count * len(readers):
        message = "not every reader was told every change once and in order: see above"
        raise SystemExit(message)


if __name__ == "__main__":
    main()
