"""Ports on the loopback address: the usual ones, or free ones where those are taken.

A port is reserved when it is handed out, by a lock on a file that ends with the process: between
that and the server's own bind lie seconds in which another stack could choose it, too.
"""

import fcntl
import os
import socket
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Final

HOST: Final = "127.0.0.1"
USUAL: Final = {
    "kafka": 9092,
    "postgres": 5432,
    "controller": 9093,
    "api": 8000,
    "ingest": 9001,
    "evaluator": 9002,
    "api-metrics": 9003,
}


class Ports:
    """Hands out a port for each part, never the same one twice."""

    def __init__(self, base: int | None = None) -> None:
        """With `base` the parts take `base`, `base + 1`, … instead of the usual ports."""
        self._wanted = (
            dict(USUAL)
            if base is None
            else {part: base + place for place, part in enumerate(USUAL)}
        )
        self._given: dict[int, int] = {}
        weakref.finalize(self, _close, self._given)

    def take(self, part: str) -> int:
        """The port that `part` wants if nothing listens there, else any free one."""
        for port in self._candidates(part):
            if port in self._given or not is_free(port):
                continue
            reserved = _reserved(port)
            if reserved is not None:
                self._given[port] = reserved
                return port
        message = f"no port of this machine is free for {part}"
        raise OSError(message)

    def wanted(self, part: str) -> int:
        """The port that `part` has if it is free."""
        return self._wanted[part]

    def _candidates(self, part: str) -> Iterator[int]:
        yield self._wanted[part]
        for _ in range(100):
            yield _any_free()


def _reserved(port: int) -> int | None:
    """An open file with a lock on the port among one user's stacks, None if another holds it."""
    folder = Path(tempfile.gettempdir(), f"accord-ports-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    file = os.open(folder / str(port), os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file


def _close(reserved: dict[int, int]) -> None:
    for file in reserved.values():
        os.close(file)


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError):
            return False
    return True


def is_open(port: int) -> bool:
    """Whether a server listens on the port."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((HOST, port)) == 0


def _any_free() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port
