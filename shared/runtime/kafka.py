"""How Kafka is reached: its addresses, and with which protocol, name and certificates.

`Brokers` goes wherever plain addresses go, and every client is made with `reaching`.
"""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor

PROTOCOLS: Final = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_HEARTBEAT_MS: Final = 3_000
_REBALANCE_MS: Final = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Security:
    """How brokers are spoken to; `authorities` are certificates in PEM, else the system's."""

    protocol: str = "PLAINTEXT"
    mechanism: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    authorities: str | None = field(default=None, repr=False)
    certificate: Path | None = None
    key: Path | None = None

    def __post_init__(self) -> None:
        """Refuse (ValueError) what does not go together."""
        if self.protocol not in PROTOCOLS:
            message = f"the security protocol is {self.protocol!r}; it is one of {PROTOCOLS}"
            raise ValueError(message)
        if self.has_login:
            if self.mechanism not in MECHANISMS:
                message = f"the SASL mechanism is {self.mechanism!r}; it is one of {MECHANISMS}"
                raise ValueError(message)
            if not (self.username and self.password):
                message = f"{self.protocol} needs a user name and a password"
                raise ValueError(message)
        elif self.mechanism or self.username or self.password:
            message = f"{self.protocol} knows no login: SASL_SSL (or SASL_PLAINTEXT) does"
            raise ValueError(message)
        if not self.is_encrypted and (self.authorities or self.certificate or self.key):
            message = f"{self.protocol} knows no certificates: SSL and SASL_SSL do"
            raise ValueError(message)

    @property
    def has_login(self) -> bool:
        """Whether clients say who they are by SASL."""
        return self.protocol.startswith("SASL")

    @property
    def is_encrypted(self) -> bool:
        """Whether the way is encrypted, and the brokers' names are checked."""
        return self.protocol.endswith("SSL")

    def options(self) -> dict[str, Any]:
        """The arguments of a client; raises ValueError or OSError for unreadable certificates."""
        found: dict[str, Any] = {"security_protocol": self.protocol}
        if self.is_encrypted:
            context = ssl.create_default_context(cadata=self.authorities)
            if self.certificate is not None:
                context.load_cert_chain(self.certificate, self.key)
            found["ssl_context"] = context
        if self.has_login:
            found |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password,
            }
        return found


class Brokers(str):
    """Addresses (`host:port`, several with commas) that know how they are spoken to."""

    __slots__ = ("security",)
    security: Security

    def __new__(cls, servers: str, security: Security) -> Self:
        """The addresses, with their security."""
        made = super().__new__(cls, servers)
        made.security = security
        return made


def reaching(bootstrap_servers: str) -> dict[str, Any]:
    """The arguments with which a client of any kind connects to these brokers."""
    found: dict[str, Any] = {"bootstrap_servers": str(bootstrap_servers)}
    if isinstance(bootstrap_servers, Brokers):
        found |= bootstrap_servers.security.options()
    return found


def sharing(group: str, *, session_timeout_ms: int) -> dict[str, Any]:
    """The arguments of a consumer that shares a group's partitions, and says itself what it has.

    Only what is committed to the log is read. A member that is silent for the time given is taken
    for gone; one that has to finish a batch first has a minute for giving partitions up.
    """
    return {
        "group_id": group,
        "enable_auto_commit": False,
        "isolation_level": "read_committed",
        "partition_assignment_strategy": (RoundRobinPartitionAssignor,),
        "session_timeout_ms": session_timeout_ms,
        "heartbeat_interval_ms": min(_HEARTBEAT_MS, session_timeout_ms // 3),
        "rebalance_timeout_ms": _REBALANCE_MS,
    }
