"""A webhook is sent to the address that was looked at, and to whom its certificate names."""

import datetime as dt
import ssl
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from prometheus_client import CollectorRegistry

from services.api.app import create_app, make_sources
from services.api.webhooks import delivering
from services.api.webhooks.addresses import Addresses
from services.api.webhooks.delivering import Deliverer
from shared.domain.instant import SECOND
from shared.runtime.database import Pool
from tests.api.stored import NOW, a_catalogue
from tests.integration.evaluating import until
from tests.integration.receiving import LOOPBACK, delivers, has, is_failing, made, receiving
from tests.integration.streaming import a_change, append

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivering, "PAUSE_S", 0.02)
    monkeypatch.setattr(delivering, "WAITS", (SECOND // 50,))


@pytest.fixture
async def http(database: Pool, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    catalogue = a_catalogue(tmp_path)
    sources = make_sources(pool=database, catalogue=catalogue, clock=lambda: NOW)
    app = create_app(sources, CollectorRegistry(), addresses=Addresses(LOOPBACK))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        yield client


async def test_a_name_that_leads_inside_later_is_never_asked(
    database: Pool, http: httpx.AsyncClient
) -> None:
    async with receiving() as canary:
        port = int(canary.url.rpartition(":")[2].partition("/")[0])
        own = await made(http, "http://127.0.0.1:9999/")
        await database.execute("UPDATE webhook SET url = $1", f"https://rebound.example:{port}/")

        async def rebound(_host: str, _port: int) -> Sequence[str]:
            return ["127.0.0.1"]

        async with delivers(Deliverer(database, Addresses(resolve=rebound), CollectorRegistry())):
            await append(database, a_change(1))
            await until(lambda: is_failing(http, own["id"], "not public"))
        assert canary.asked == 0


async def test_a_certificate_is_checked_for_the_name_though_the_address_is_asked(
    database: Pool, http: httpx.AsyncClient, tmp_path: Path
) -> None:
    certificate, key = _certificate("hooks.example.test", tmp_path)
    trusted = ssl.create_default_context(cafile=certificate)

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    async with receiving(certificate, key) as receiver:
        port = receiver.url.rpartition(":")[2].partition("/")[0]
        addresses = Addresses(LOOPBACK, resolve=resolve)
        deliverer = Deliverer(database, addresses, CollectorRegistry(), trusted=trusted)
        own = await made(http, "http://127.0.0.1:9999/")
        rename = "UPDATE webhook SET url = $1"
        await database.execute(rename, f"https://other.example.test:{port}/")
        await append(database, a_change(1))
        async with delivers(deliverer):
            await until(lambda: is_failing(http, own["id"], "CERTIFICATE_VERIFY_FAILED"))
            assert receiver.asked == 0
            await database.execute(rename, f"https://hooks.example.test:{port}/")
            await until(lambda: has(receiver, 1))
    assert receiver.taken[0][0]["host"] == f"hooks.example.test:{port}"


def _certificate(host: str, folder: Path) -> tuple[str, str]:
    """A certificate for the host that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = dt.datetime.now(dt.UTC)  # noqa: TID251 - it has to be valid now
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return str(certificate), str(private)
