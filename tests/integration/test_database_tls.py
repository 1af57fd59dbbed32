"""PostgreSQL over TLS: the server's certificate and name are checked where the URL says so."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import asyncpg
import pytest

from services.cli.stack.local_stack import LocalStack
from shared.runtime.config import driver_url
from tests.integration.certificates import Certificates, made
from tests.integration.test_database_options import WAYS

pytestmark = pytest.mark.integration

# The server takes a key only from a file that others cannot read.
_PUT = "COPY (SELECT '{text}') TO PROGRAM 'umask 077; sed \"s/%/\\n/g\" > {name}' (FORMAT text)"


@pytest.fixture
async def certificates(stack: LocalStack, tmp_path: Path) -> AsyncIterator[Certificates]:
    """TLS is on while the test runs; whoever does not ask for it is served as before."""
    if stack.postgres is None:
        pytest.skip("the server is not ours to set up")
    found = made(tmp_path / "good")
    connection = await asyncpg.connect(driver_url(stack.database_url))
    try:
        for path in (found.certificate, found.key):
            text = path.read_text(encoding="ascii").strip().replace("\n", "%")
            await connection.execute(_PUT.format(text=text, name=path.name))
        await connection.execute("ALTER SYSTEM SET ssl_cert_file = 'server.pem'")
        await connection.execute("ALTER SYSTEM SET ssl_key_file = 'server.key'")
        await _set(connection, on=True)
        yield found
    finally:
        await _set(connection, on=False)
        await connection.close()


async def _set(connection: "asyncpg.Connection[asyncpg.Record]", *, on: bool) -> None:
    wanted = "on" if on else "off"
    await connection.execute(f"ALTER SYSTEM SET ssl = {wanted}")
    await connection.execute("SELECT pg_reload_conf()")
    while await connection.fetchval("SHOW ssl") != wanted:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.05)


@WAYS
async def test_a_server_whose_certificate_is_trusted_is_used(
    way: Callable[[str], Awaitable[None]],
    empty_database_url: str,
    certificates: Certificates,
) -> None:
    await way(f"{empty_database_url}?sslmode=verify-full&sslrootcert={certificates.authority}")


@WAYS
@pytest.mark.usefixtures("certificates")
async def test_a_server_that_another_authority_vouches_for_is_refused(
    way: Callable[[str], Awaitable[None]], empty_database_url: str, tmp_path: Path
) -> None:
    other = made(tmp_path / "other").authority
    with pytest.raises(ssl.SSLCertVerificationError):
        await way(f"{empty_database_url}?sslmode=verify-full&sslrootcert={other}")


@WAYS
async def test_a_server_that_has_another_name_is_refused(
    way: Callable[[str], Awaitable[None]], empty_database_url: str, certificates: Certificates
) -> None:
    url = empty_database_url.replace("@127.0.0.1:", "@localhost:")
    with pytest.raises(ssl.SSLCertVerificationError, match="localhost"):
        await way(f"{url}?sslmode=verify-full&sslrootcert={certificates.authority}")
