"""Changes -> receivers: in order to each, one process at a time, again and again until taken.

    log -> what a receiver wants -> signed request -> taken | waits | dead list

A receiver that takes nothing waits longer from attempt to attempt, for a day at most; what is
older goes to the dead list then, from where its owner has it sent again.
"""

import asyncio
import logging
import os
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from itertools import takewhile
from random import SystemRandom
from typing import Final

import asyncpg
import httpx
from prometheus_client import CollectorRegistry

from services.api.board.board import UNREACHABLE
from services.api.stream.changes import Change, is_seen, read_after, read_head
from services.api.webhooks import store
from services.api.webhooks.addresses import Addresses, UrlRefused
from services.api.webhooks.sending import Outcome, Sender, sender
from services.api.webhooks.signing import signed_headers
from services.api.webhooks.store import Attempt, Leased, LeaseLostError
from shared.domain.instant import HOUR, MINUTE, SECOND, Micros
from shared.runtime.database import Pool
from shared.runtime.metrics import Metric

PAUSE_S: Final = 0.5
RETRY_S: Final = 5.0
DENIED_S: Final = 300.0
AT_ONCE: Final = 16
"""Receivers that one process delivers to at the same time."""
PAGE: Final = 200
TURN_S: Final = 30.0
"""How long a receiver has its turn, when others wait."""
WAITS: Final[Sequence[Micros]] = (
    5 * SECOND,
    30 * SECOND,
    2 * MINUTE,
    10 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
)
"""How long the next attempt waits after so many that failed; then always the last."""
JITTER: Final = 0.2
"""The share of a wait by which it is longer or shorter, so that receivers are not asked in step."""
_chance: Final = SystemRandom()
_logger: Final = logging.getLogger(__name__)

DELIVERIES: Final = Metric(
    "accord_webhook_deliveries", "Attempts to deliver a change to a receiver", ("outcome",)
)
DEAD: Final = Metric("accord_webhook_dead", "Changes put on the dead list of a receiver")
DURATION: Final = Metric(
    "accord_webhook_delivery_duration_seconds", "Time of an attempt to deliver to a receiver"
)


class WebhookFigures:
    """What is counted and timed of deliveries."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Make every metric."""
        self.deliveries = DELIVERIES.counter(registry)
        self.dead = DEAD.counter(registry)
        self.duration = DURATION.histogram(registry)


class Deliverer:
    """Delivers for as long as it runs, together with any number of others like it."""

    def __init__(
        self,
        pool: Pool,
        addresses: Addresses,
        registry: CollectorRegistry,
        *,
        trusted: ssl.SSLContext | None = None,
    ) -> None:
        """`trusted` are the authorities whose certificates are taken; those of the system."""
        self._pool = pool
        self._addresses = addresses
        self._trusted = trusted or httpx.create_ssl_context()
        self._owner = f"{socket.gethostname()}:{os.getpid()}"
        self._figures = WebhookFigures(registry)
        self._running: set[asyncio.Task[None]] = set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Deliver until told to stop; what is under way is finished."""
        while not stopping.is_set():
            pause = PAUSE_S
            try:
                await self._begin_some(stopping)
            except UNREACHABLE as error:
                # Rights that are missing are given by a person, not in a moment.
                is_denied = isinstance(error, asyncpg.InsufficientPrivilegeError)
                pause = DENIED_S if is_denied else RETRY_S
                _logger.warning(
                    "Webhooks are looked at again in %g s: %r",
                    pause,
                    error,
                    extra={"action": "deliver_again"},
                )
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), pause)
        if self._running:
            await asyncio.wait(self._running)

    async def _begin_some(self, stopping: asyncio.Event) -> None:
        free = AT_ONCE - len(self._running)
        if free:
            for own in await store.claim(self._pool, self._owner, free):
                task = asyncio.create_task(self._deliver(own, stopping))
                self._running.add(task)
                task.add_done_callback(self._running.discard)

    async def _deliver(self, own: Leased, stopping: asyncio.Event) -> None:
        try:
            await self._turn(own, stopping)
            await store.release(self._pool, own)
        except LeaseLostError:
            _logger.info(
                "Webhook %s is delivered to by another, or was deleted.",
                own.id,
                extra={"action": "lease_lost"},
            )
        except UNREACHABLE as error:
            _logger.warning(
                "Webhook %s is delivered to again in a moment: %r",
                own.id,
                error,
                extra={"action": "deliver_again"},
            )

    async def _turn(self, own: Leased, stopping: asyncio.Event) -> None:
        """Send what there is, until something is not taken or the turn is over."""
        try:
            target = await self._addresses.target(own.url)
        except UrlRefused as refusal:
            await self._refused(own, Outcome(error=str(refusal)))
            return
        elapsed = asyncio.get_running_loop().time
        end = elapsed() + TURN_S
        async with sender(target, self._trusted) as out:
            position, number = await self._kept_from(own), own.attempts + 1
            while not stopping.is_set() and elapsed() < end:
                if not await self._send_redriven(own, out):
                    return
                page = await read_after(self._pool, position, PAGE)
                if not page:
                    return
                change = next((c for c in page if own.wanted.has(c)), None)
                if change is None:
                    position = page[-1].seq
                    await store.passed(self._pool, own, position)
                    continue
                if not await self._send(own, out, change, number):
                    return
                position, number = change.seq, 1

    async def _kept_from(self, own: Leased) -> int:
        """Where to go on: what is not kept any more is passed over, and said so."""
        head = await read_head(self._pool)
        if own.position >= head.forgotten:
            return own.position
        _logger.error(
            "Webhook %s was not delivered to for so long that changes %d to %d are not kept.",
            own.id,
            own.position + 1,
            head.forgotten,
            extra={"action": "changes_lost"},
        )
        await store.passed(self._pool, own, head.forgotten)
        return head.forgotten

    async def _send(self, own: Leased, out: Sender, change: Change, number: int) -> bool:
        outcome, took = await self._attempt(own, out, change.event_id, change.body)
        attempt = Attempt(change.seq, change.event_id, number, took, outcome.status, outcome.error)
        if outcome.is_taken:
            await store.delivered(self._pool, own, attempt)
            return True
        await self._failed(own, attempt, outcome)
        return False

    async def _failed(self, own: Leased, attempt: Attempt, outcome: Outcome) -> None:
        is_over = await store.failed(self._pool, own, attempt, _wait(attempt.number, outcome))
        _logger.warning(
            "Webhook %s did not take change %d: %s",
            own.id,
            attempt.seq,
            outcome,
            extra={"action": "not_delivered"},
        )
        if is_over:
            await self._bury(own, attempt.seq - 1, str(outcome))

    async def _refused(self, own: Leased, outcome: Outcome) -> None:
        """Nothing can be sent at all: the first that is wanted has failed."""
        page = await read_after(self._pool, await self._kept_from(own), PAGE)
        change = next((c for c in page if own.wanted.has(c)), None)
        if change is not None:
            own_attempt = Attempt(
                change.seq, change.event_id, own.attempts + 1, 0, None, outcome.error
            )
            self._figures.deliveries.labels(outcome="failed").inc()
            await self._failed(own, own_attempt, outcome)
        elif page:
            await store.passed(self._pool, own, page[-1].seq)

    async def _bury(self, own: Leased, after: int, error: str) -> None:
        """Let what has waited too long go to the dead list."""
        until = await store.now_of(self._pool) - store.GIVE_UP
        page = await read_after(self._pool, after, PAGE)
        # In the order of the log, not of the clocks of those who wrote: nothing younger is passed.
        old = [*takewhile(lambda change: change.at <= until, page)]
        if old:
            dead = [change for change in old if own.wanted.has(change)]
            await store.bury(self._pool, own, dead, old[-1].seq, error)
            self._figures.dead.inc(len(dead))

    async def _send_redriven(self, own: Leased, out: Sender) -> bool:
        """Send again what is to be, whether the receiver takes it."""
        while (row := await store.redriven(self._pool, own)) is not None:
            if not is_seen(row["customers"], own.visible_to):
                await store.kept_back(self._pool, own, row["seq"])
                continue
            outcome, took = await self._attempt(own, out, row["event_id"], row["body"])
            attempt = Attempt(row["seq"], row["event_id"], 1, took, outcome.status, outcome.error)
            if not outcome.is_taken:
                await store.still_dead(self._pool, own, attempt)
                return False
            await store.risen(self._pool, own, attempt)
        return True

    async def _attempt(
        self, own: Leased, out: Sender, event_id: str, body: str
    ) -> tuple[Outcome, Micros]:
        elapsed = asyncio.get_running_loop().time
        begun = elapsed()
        now_s = await store.now_of(self._pool) // SECOND
        headers = signed_headers(event_id, now_s, body.encode(), own.secrets)
        outcome = await out.send(headers, body.encode())
        seconds = elapsed() - begun
        self._figures.duration.observe(seconds)
        self._figures.deliveries.labels(outcome="taken" if outcome.is_taken else "failed").inc()
        return outcome, round(seconds * SECOND)


def _wait(number: int, outcome: Outcome) -> Micros:
    """How long to wait after the `number`-th attempt."""
    wait = WAITS[min(number, len(WAITS)) - 1]
    asked = (outcome.retry_after_s or 0) * SECOND
    spread = round(wait * JITTER)
    return max(wait + _chance.randint(-spread, spread), min(asked, HOUR))
