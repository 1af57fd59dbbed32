"""A proxy before PostgreSQL that knows what a transaction does, and can cut it short at will.

It reads the client's half of the wire protocol: which statements a connection has prepared, which
of them the present transaction has run, and where its COMMIT is. A *trap* waits for a transaction
of a role and then cuts the connection (before COMMIT is passed on, or after the server has done it
and before its reply is), or holds it back.
"""

import asyncio
import contextlib
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit, urlunsplit

from services.cli.stack.ports import HOST

_CHUNK: Final = 256 * 1024
_SSL_REQUESTS: Final = frozenset({80877103, 80877104})
_PATIENCE_S: Final = 5.0


class Role(StrEnum):
    """What a transaction is for, told by the statement that only it runs."""

    CLAIM = "claim"
    MOVE = "move"
    FOLD = "fold"
    JUDGE = "judge"
    ANNOUNCE = "announce"
    SENT = "sent"


_SIGNS: Final = (
    (Role.CLAIM, ("update partition_progress", "epoch + 1")),
    (Role.MOVE, ("update partition_progress", "next_offset = m.next_offset")),
    (Role.FOLD, ("insert into item",)),
    (Role.JUDGE, ("update judgement",)),
    (Role.ANNOUNCE, ("insert into outbox",)),
    (Role.SENT, ("delete from outbox",)),
)


class Action(StrEnum):
    """What a trap does."""

    BEFORE = "before"
    """Cut when COMMIT comes, without passing it on."""
    AFTER = "after"
    """Pass COMMIT on, wait for the server's reply, keep it and cut."""
    HOLD = "hold"
    """Keep back the statement of the role, and what follows, until told to go on."""
    REFUSE = "refuse"
    """Cut when the statement of the role comes."""


@dataclass(slots=True)
class Trap:
    """Waits for one transaction of a role; `sprung` once it has done what it is for."""

    role: Role
    action: Action
    sprung: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class _Talk:
    """One connection: what it has prepared, and what its transaction has run so far."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    prepared: dict[bytes, Role] = field(default_factory=dict)
    roles: set[Role] = field(default_factory=set)
    last_reply: Trap | None = None

    def cut(self) -> None:
        """Reset both halves."""
        self.client.transport.abort()
        self.server.transport.abort()


class _CutError(Exception):
    """The connection has been cut on purpose."""


class Proxy:
    """Listens on a port of its own and talks to the server that `url` names."""

    def __init__(self, url: str) -> None:
        """Nothing listens before the block."""
        self._url = urlsplit(url)
        self._traps: list[Trap] = []
        self._server: asyncio.Server | None = None
        self._talks: set[_Talk] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """What a client connects to."""
        if self._server is None:
            message = "the proxy is used outside its block"
            raise RuntimeError(message)
        port: int = self._server.sockets[0].getsockname()[1]
        login = self._url.netloc.rpartition("@")[0]
        return urlunsplit(self._url._replace(netloc=f"{login}@{HOST}:{port}"))

    async def __aenter__(self) -> Self:
        """Listen."""
        self._server = await asyncio.start_server(self._accept, HOST, 0)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Listen no more; cut what is open."""
        if self._server is not None:
            self._server.close()
        for trap in self._traps:
            trap.go_on.set()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def set_trap(self, trap: Trap) -> None:
        """Have the next transaction of its role caught."""
        self._traps.append(trap)

    def lift(self, trap: Trap) -> None:
        """Take a trap away; a held transaction goes on."""
        if trap in self._traps:
            self._traps.remove(trap)
        trap.go_on.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        try:
            replies, server = await asyncio.open_connection(self._url.hostname, self._url.port)
        except OSError:
            writer.transport.abort()
            return
        talk = _Talk(writer, server)
        halves = [
            asyncio.create_task(self._ask(talk, reader)),
            asyncio.create_task(self._reply(talk, replies)),
        ]
        try:
            await asyncio.wait(halves, return_when=asyncio.FIRST_COMPLETED)
        finally:
            talk.cut()
            for half in halves:
                half.cancel()
            await asyncio.gather(*halves, return_exceptions=True)

    async def _ask(self, talk: _Talk, reader: asyncio.StreamReader) -> None:
        """Client to server, message by message."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, _CutError):
            greeting = True
            while greeting:
                size = await reader.readexactly(4)
                body = await reader.readexactly(int.from_bytes(size) - 4)
                talk.server.write(size + body)
                greeting = int.from_bytes(body[:4]) in _SSL_REQUESTS
            while True:
                head = await reader.readexactly(5)
                body = await reader.readexactly(int.from_bytes(head[1:]) - 4)
                await self._pass_on(talk, head[:1], body)
                talk.server.write(head + body)
                await talk.server.drain()

    async def _pass_on(self, talk: _Talk, kind: bytes, body: bytes) -> None:
        """Look at a message before it goes on."""
        if kind == b"Q":
            text = body.rstrip(b"\0 ;").upper()
            if text.startswith(b"BEGIN"):
                talk.roles.clear()
            elif text == b"COMMIT":
                await self._spring(talk, (Action.BEFORE, Action.AFTER), talk.roles)
        elif kind == b"P":
            name, query = body.split(b"\0", 2)[:2]
            role = _role(query.decode())
            if role is None:
                talk.prepared.pop(name, None)
            else:
                talk.prepared[name] = role
        elif kind == b"B":
            role = talk.prepared.get(body.split(b"\0", 2)[1])
            if role is not None:
                talk.roles.add(role)
                await self._spring(talk, (Action.HOLD, Action.REFUSE), {role})

    async def _spring(self, talk: _Talk, actions: Iterable[Action], roles: set[Role]) -> None:
        trap = next((t for t in self._traps if t.action in actions and t.role in roles), None)
        if trap is None:
            return
        self._traps.remove(trap)
        if trap.action is Action.AFTER:
            talk.last_reply = trap
            return
        trap.sprung.set()
        if trap.action is Action.HOLD:
            await trap.go_on.wait()
            return
        talk.cut()
        raise _CutError

    async def _reply(self, talk: _Talk, replies: asyncio.StreamReader) -> None:
        """Server to client, as it comes; a reply to COMMIT that is to be lost is kept."""
        with contextlib.suppress(OSError):
            while data := await replies.read(_CHUNK):
                trap = talk.last_reply
                if trap is not None and _says_committed(data):
                    trap.sprung.set()
                    talk.cut()
                    return
                talk.client.write(data)
                await talk.client.drain()


def _role(query: str) -> Role | None:
    text = " ".join(query.lower().split())
    return next((role for role, signs in _SIGNS if all(sign in text for sign in signs)), None)


def _says_committed(data: bytes) -> bool:
    """Whether the last of the server's messages are those that follow a COMMIT."""
    tag = b"COMMIT\0"
    return b"C" + struct.pack("!i", len(tag) + 4) + tag in data
