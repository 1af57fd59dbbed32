"""A door between the services and a server."""

import asyncio
import contextlib
import ssl
from urllib.parse import urlsplit, urlunsplit

from services.cli.stack.ports import HOST


class Gate:
    """What the services take for a server: passes everything on, or cuts it while it is shut."""

    def __init__(self, url: str, *, tls: ssl.SSLContext | None = None) -> None:
        """To the server at `url`; with `tls` as a PostgreSQL that encrypts the way to it."""
        self._to = urlsplit(url)
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._shut = False
        self._open: set[asyncio.StreamWriter] = set()
        self._halves: set[asyncio.Task[None]] = set()

    async def listen(self) -> str:
        """Begin to; the URL to connect to."""
        self._server = await asyncio.start_server(self._accept, HOST, 0)
        login, at, _ = self._to.netloc.rpartition("@")
        port = self._server.sockets[0].getsockname()[1]
        return urlunsplit(self._to._replace(netloc=f"{login}{at}{HOST}:{port}"))

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
        if self._tls is not None and not await _encrypted(reader, client, self._tls):
            client.transport.abort()
            return
        replies, server = await asyncio.open_connection(self._to.hostname, self._to.port)
        self._open |= {client, server}
        for source, sink in ((reader, server), (replies, client)):
            half = asyncio.create_task(_pass_on(source, sink))
            self._halves.add(half)
            half.add_done_callback(self._halves.discard)


async def _encrypted(
    reader: asyncio.StreamReader, client: asyncio.StreamWriter, tls: ssl.SSLContext
) -> bool:
    """Answer a client that asks for encryption (`SSLRequest`); whether it came about."""
    await reader.readexactly(8)
    client.write(b"S")
    try:
        await client.start_tls(tls)
    except OSError:
        return False  # the client does not trust the certificate
    return True


async def _pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(64 * 1024):
            sink.write(data)
            await sink.drain()
    sink.transport.abort()
