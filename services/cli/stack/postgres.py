"""PostgreSQL on the loopback address only, its programs run directly from their package."""

import asyncio
import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypedDict

import asyncpg

from services.cli.stack.child import Child, Launch, StackError
from services.cli.stack.ports import HOST, Ports, is_open
from services.cli.stack.server import Server
from services.cli.stack.unprivileged import Place, choose_place
from shared.runtime.config import process_environment

NAME: Final = "accord"
_INITDB: Final = (
    f"--username={NAME}",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
    "--no-sync",
)
_START_S: Final = 60.0
_TRIES: Final = 5
_TAKEN: Final = "Address already in use"
# After a crash, until the last of the server's processes has noticed.
_NOT_GONE: Final = "is still in use"
_PATIENCE_S: Final = 1.0


class PostgresServer(Server):
    """The server whose data is in `home/postgres`."""

    name = "postgres"
    title = "PostgreSQL"

    def __init__(
        self, home: Path, ports: Ports, say: Callable[[str], None], *, durable: bool = True
    ) -> None:
        """Nothing runs until `start`. Not `durable` trades a power cut's safety for speed."""
        self._home = home
        self._ports = ports
        self._say = say
        self._durable = durable
        self._port: int | None = None
        self._place: Place | None = None

    @property
    def database_url(self) -> str:
        """The URL of the database `accord`."""
        return self.url(NAME)

    @property
    def programs(self) -> Path:
        """The folder of its own programs (`pg_dump`, …); StackError before it was launched."""
        if self._place is None:
            message = "PostgreSQL has not been launched"
            raise StackError(message)
        return self._place.programs

    def url(self, database: str) -> str:
        """The URL of a database of this server."""
        return f"postgresql://{NAME}:{self._password()}@{HOST}:{self._port}/{database}"

    def launch(self) -> None:
        """Start the process; the data are made if there are none. On the same port each time."""
        if self._place is None:
            self._place = choose_place(self._home / "postgres")
        data = self._place.folder / "data"
        if not (data / "global" / "pg_control").exists():
            self._initialise(self._place, data)
        if self._port is None:
            self._port = self._ports.take("postgres")
        self.child = Child(self._process(self._place, data, self._port), self._home)

    def wait_ready(self) -> None:
        """Wait until it serves; on another port if its own was taken in the meantime."""
        for left in reversed(range(_TRIES)):
            child = self.running()
            try:
                child.wait_until(self._serves, "it listened", _START_S)
            except StackError:
                child.stop()
                tail = child.tail()
                if not left or not any(cause in tail for cause in (_TAKEN, _NOT_GONE)):
                    raise
                if _TAKEN in tail:
                    self._port = None
                else:
                    time.sleep(_PATIENCE_S)
                self.launch()
            else:
                break
        asyncio.run(create_database(self.url("postgres"), NAME))

    def _process(self, place: Place, data: Path, port: int) -> Launch:
        settings = {
            "listen_addresses": HOST,
            "port": str(port),
            "unix_socket_directories": "",
            "max_connections": "200",
            "shared_buffers": "128MB",
            "max_wal_size": "2GB",
            "log_timezone": "UTC",
            "timezone": "UTC",
        }
        if not self._durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        options = [part for item in settings.items() for part in ("-c", "=".join(item))]
        return Launch(
            name=self.name,
            command=[str(place.programs / "postgres"), "-D", str(data), *options],
            environment=process_environment(LC_ALL="C", TZ="UTC"),
            folder=place.folder,
            stop_signal=signal.SIGINT,  # PostgreSQL's fast stop: does not wait for its clients
            uid=place.uid,
            gid=place.gid,
        )

    def _initialise(self, place: Place, data: Path) -> None:
        self._say("preparing PostgreSQL's folder (once)")
        if not self._secret_file.exists():
            self._secret_file.touch(mode=0o600)
            self._secret_file.write_text(secrets.token_hex(16), encoding="ascii")
        made = place.folder / "new"
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir(mode=0o700)
        note = place.folder / "new-password"
        note.unlink(missing_ok=True)
        note.touch(mode=0o600)
        note.write_text(self._password(), encoding="ascii")
        for path in (made, note):
            os.chown(path, place.uid, place.gid)  # -1 leaves the owner
        done = subprocess.run(  # noqa: S603 - our own command, no shell
            [str(place.programs / "initdb"), "-D", str(made), *_INITDB, f"--pwfile={note}"],
            env=process_environment(LC_ALL="C", TZ="UTC"),
            cwd=place.folder,
            capture_output=True,
            text=True,
            check=False,
            **_as_user(place),
        )
        note.unlink()
        if done.returncode:
            message = f"PostgreSQL's folder {data} cannot be prepared: {done.stderr or done.stdout}"
            raise StackError(message)
        made.rename(data)

    @property
    def _secret_file(self) -> Path:
        return self._home / "postgres" / "password"

    def _password(self) -> str:
        return self._secret_file.read_text(encoding="ascii")

    def _serves(self) -> bool:
        return (
            self._port is not None
            and is_open(self._port)
            and asyncio.run(_answers(self.url("postgres")))
        )


class _User(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


def _as_user(place: Place) -> _User:
    return {} if place.uid < 0 else {"user": place.uid, "group": place.gid, "extra_groups": []}


async def create_database(admin_url: str, name: str, *, template: str | None = None) -> None:
    """Make the database if it is not there, as a copy of `template` if one is named."""
    connection = await asyncpg.connect(admin_url)
    try:
        known = await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name)
        if not known:
            # As files: half the time of a copy through the log.
            copied = f' TEMPLATE "{template}" STRATEGY file_copy' if template else ""
            await connection.execute(f'CREATE DATABASE "{name}"{copied}')
    finally:
        await connection.close()


async def drop_database(admin_url: str, name: str) -> None:
    """Remove the database if it is there, ending its connections."""
    connection = await asyncpg.connect(admin_url)
    try:
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    finally:
        await connection.close()


async def _answers(url: str) -> bool:
    try:
        connection = await asyncpg.connect(url, timeout=2)
    except (OSError, TimeoutError, asyncpg.PostgresError):
        return False
    await connection.close()
    return True
