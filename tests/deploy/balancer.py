"""A stand-in for a cluster's Service, and clients that ask through it without ever repeating.

New connections go to the processes that say that they are ready, in turn; a connection that is open
stays with its process, whatever that says, until one of both closes it.
"""

import http.client
import itertools
import threading
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

LOOK_S = 0.2
PATIENCE_S = 10.0


@dataclass
class Outcome:
    """What became of the requests."""

    answered: int = 0
    failed: list[str] = field(default_factory=list)
    by: set[str] = field(default_factory=set)
    """The processes that answered, by their address."""


class Balancer:
    """Looks again and again who is ready, while its block runs."""

    def __init__(self, health: Mapping[str, str]) -> None:
        """`health` has for each address (`http://host:port`) that of its `/readyz`."""
        self._health = health
        self._turns = itertools.count()
        self._ready: tuple[str, ...] = ()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        """Look once, then go on looking."""
        self._look()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Look no more."""
        self._ending.set()
        self._thread.join()

    def connect(self) -> tuple[str, http.client.HTTPConnection]:
        """A connection, not yet open, to the next one that is ready."""
        ready = self._ready
        if not ready:
            message = "no process is ready"
            raise ConnectionError(message)
        address = ready[next(self._turns) % len(ready)]
        return address, http.client.HTTPConnection(urlsplit(address).netloc, timeout=PATIENCE_S)

    def _watch(self) -> None:
        while not self._ending.wait(LOOK_S):
            self._look()

    def _look(self) -> None:
        self._ready = tuple(own for own, url in self._health.items() if is_ready(url))


def is_ready(url: str) -> bool:
    """Whether a process says so."""
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:  # noqa: S310 - our own
            return bool(answer.status == HTTPStatus.OK)
    except OSError:
        return False


def ask(
    balancer: Balancer, path: str, until: threading.Event, *, keep: bool, pause_s: float = 0.005
) -> Outcome:
    """Ask again and again; `keep` a connection as long as the other side does, or make new ones."""
    outcome = Outcome()
    held: tuple[str, http.client.HTTPConnection] | None = None
    while not until.is_set():
        try:
            address, connection = held or balancer.connect()
            held = None
            connection.request("GET", path)
            with connection.getresponse() as answer:
                answer.read()
            if answer.status != HTTPStatus.OK:
                outcome.failed.append(f"{address} answered {answer.status}")
            outcome.answered += 1
            outcome.by.add(address)
            if keep and not answer.will_close:
                held = address, connection
            else:
                connection.close()
        except (OSError, http.client.HTTPException) as error:
            outcome.failed.append(repr(error))
        time.sleep(pause_s)
    if held is not None:
        held[1].close()
    return outcome
