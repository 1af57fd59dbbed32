"""Requests to a receiver: to the address that was looked at, no redirect, little and not long."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import httpx

from services.api.webhooks.addresses import Target

TOTAL_S: Final = 15.0
"""How long a receiver may take from the connection to the end of its answer."""
ANSWER_MAX: Final = 16 * 1024
"""Bytes of an answer that are read; nobody looks at them."""
_HEADERS: Final = {"content-type": "application/cloudevents+json", "user-agent": "accord"}
_TIMEOUT: Final = httpx.Timeout(10.0, connect=5.0)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attempt: a status, or why there is none."""

    status: int | None = None
    error: str | None = None
    retry_after_s: int | None = None

    @property
    def is_taken(self) -> bool:
        """Whether the receiver has taken it: it answered 2xx."""
        return self.status is not None and HTTPStatus(200) <= self.status < HTTPStatus(300)

    def __str__(self) -> str:
        return f"HTTP {self.status}" if self.error is None else self.error


class Sender:
    """Sends to one target; its connection is used again for the next."""

    def __init__(self, http: httpx.AsyncClient, target: Target) -> None:
        """`http` is for this target alone: connections are kept by address, names are not."""
        self._http = http
        self._target = target

    async def send(self, headers: Mapping[str, str], body: bytes) -> Outcome:
        """Send a body; whatever the receiver does is an outcome."""
        own = self._target
        request = self._http.build_request(
            "POST",
            httpx.URL(
                scheme=own.scheme, host=own.address, port=own.port, raw_path=own.path.encode()
            ),
            content=body,
            headers={**_HEADERS, "host": own.authority, **headers},
            # Certificates are checked for the name, though the address is asked.
            extensions={"sni_hostname": own.host},
        )
        try:
            async with asyncio.timeout(TOTAL_S):
                answer = await self._http.send(request, stream=True)
                try:
                    await _read_some(answer)
                finally:
                    await answer.aclose()
        except TimeoutError:
            return Outcome(error=f"no answer within {TOTAL_S:g} s")
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError) as error:
            return Outcome(error=f"{type(error).__name__}: {str(error)[:200]}")
        return Outcome(answer.status_code, retry_after_s=_seconds(answer))


async def _read_some(answer: httpx.Response) -> None:
    size = 0
    async for chunk in answer.aiter_raw():
        size += len(chunk)
        if size > ANSWER_MAX:
            return


def _seconds(answer: httpx.Response) -> int | None:
    text = answer.headers.get("retry-after", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None  # noqa: PLR2004 - as a number


@asynccontextmanager
async def sender(target: Target, trusted: ssl.SSLContext) -> AsyncIterator[Sender]:
    """A sender to one target while the block runs; proxies of the environment are not asked."""
    limits = httpx.Limits(max_connections=1, max_keepalive_connections=1)
    async with httpx.AsyncClient(
        verify=trusted,
        trust_env=False,
        follow_redirects=False,
        timeout=_TIMEOUT,
        limits=limits,
    ) as http:
        yield Sender(http, target)
