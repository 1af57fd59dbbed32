"""PostgreSQL over TLS: the server's certificate and name are checked where the URL says so."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.deploy.gate import Gate
from tests.integration.certificates import made
from tests.integration.test_database_options import WAYS

pytestmark = pytest.mark.integration


@dataclass(frozen=True, slots=True)
class Encrypted:
    """A database behind a door that encrypts: its URL, and who vouches for its certificate."""

    url: str
    authority: Path


@pytest.fixture
async def encrypted(empty_database_url: str, tmp_path: Path) -> AsyncIterator[Encrypted]:
    certificates = made(tmp_path / "good")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates.certificate, certificates.key)
    gate = Gate(empty_database_url, tls=context)
    yield Encrypted(await gate.listen(), certificates.authority)
    await gate.close()


@WAYS
async def test_a_server_whose_certificate_is_trusted_is_used(
    way: Callable[[str], Awaitable[None]], encrypted: Encrypted
) -> None:
    await way(f"{encrypted.url}?sslmode=verify-full&sslrootcert={encrypted.authority}")


@WAYS
async def test_a_server_that_another_authority_vouches_for_is_refused(
    way: Callable[[str], Awaitable[None]], encrypted: Encrypted, tmp_path: Path
) -> None:
    other = made(tmp_path / "other").authority
    with pytest.raises(ssl.SSLCertVerificationError):
        await way(f"{encrypted.url}?sslmode=verify-full&sslrootcert={other}")


@WAYS
async def test_a_server_that_has_another_name_is_refused(
    way: Callable[[str], Awaitable[None]], encrypted: Encrypted
) -> None:
    url = encrypted.url.replace("@127.0.0.1:", "@localhost:")
    with pytest.raises(ssl.SSLCertVerificationError, match="localhost"):
        await way(f"{url}?sslmode=verify-full&sslrootcert={encrypted.authority}")
