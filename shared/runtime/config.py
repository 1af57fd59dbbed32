"""What a process is told by its environment: read once, in `__main__`, into frozen Settings.

Every name begins with `ACCORD_`; `ACCORD_<NAME>_FILE` names a file that holds a secret instead.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from shared.domain.instant import Instant, format_instant, parse_instant
from shared.runtime.kafka import Brokers, Security

PREFIX: Final = "ACCORD_"
METRICS_PORTS: Final = {"ingest": 9001, "evaluator": 9002, "api": 9003}
LOOPBACK: Final = "127.0.0.1"
API_PORT: Final = 8000
DRAIN_DELAY: Final = 5
"""Seconds that the api serves on after it has said that it is not ready, where others than this
machine reach it: so long balancers and the nodes of a cluster may take to hear of it."""
DRAIN_DELAY_MOST: Final = 300
EVENT_PARTITIONS: Final = 8
SESSION_TIMEOUT_MS: Final = 30_000
"""How long Kafka waits for a member of a group that no longer answers before others take over."""
SERIES_LIMIT: Final = 1_000
"""How many promises have series of their own: some 18 each keep an exposition near 18,000."""
SERIES_MOST: Final = 100_000
RETENTION_LEAST: Final = 31
RETENTION_MOST: Final = 36_500
"""Days."""
Network = IPv4Network | IPv6Network
_PORT_MAX: Final = 65_535
_NAME: Final = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}")


class InvalidSettings(ValueError):  # noqa: N818 - named as the other refusals are
    """A variable of the environment is missing or cannot be read; the text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The configuration of one process."""

    kafka_bootstrap_servers: str
    database_url: str = field(repr=False)
    agreements: Path | None = None
    sources: Path | None = None
    clock: Instant | None = None
    host: str = LOOPBACK
    api_port: int = API_PORT
    metrics_port: int = METRICS_PORTS["api"]
    drain_delay: int = 0
    topic_prefix: str = ""
    event_partitions: int = EVENT_PARTITIONS
    session_timeout_ms: int = SESSION_TIMEOUT_MS
    group_instance: str | None = None
    retention: int | None = None
    series_limit: int = SERIES_LIMIT
    revision: str = "unknown"
    webhook_networks: tuple[Network, ...] = ()
    log_level: str = "INFO"

    def shown(self) -> dict[str, str]:
        """The settings as text for a log, the password of the database masked."""
        values = {own.name: getattr(self, own.name) for own in fields(self)}
        values["database_url"] = masked(self.database_url)
        if self.clock is not None:
            values["clock"] = format_instant(self.clock)
        values["webhook_networks"] = ",".join(map(str, self.webhook_networks)) or None
        return {name: str(value) for name, value in values.items() if value is not None}


def read_settings(service: str, environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of `service` (its name gives the default metrics port) from the environment."""
    given = os.environ if environment is None else environment
    clock = optional_value(given, "CLOCK")
    host = optional_value(given, "HOST") or LOOPBACK
    return Settings(
        kafka_bootstrap_servers=_brokers(given, _required(given, "KAFKA_BOOTSTRAP_SERVERS")),
        database_url=_required(given, "DATABASE_URL"),
        agreements=_path(given, "AGREEMENTS"),
        sources=_path(given, "SOURCES"),
        clock=None if clock is None else _instant("CLOCK", clock),
        host=host,
        api_port=_port(given, "API_PORT", API_PORT),
        metrics_port=_port(given, "METRICS_PORT", METRICS_PORTS.get(service, 0)),
        drain_delay=whole_number(
            given, "DRAIN_DELAY", 0 if host == LOOPBACK else DRAIN_DELAY, 0, DRAIN_DELAY_MOST
        ),
        topic_prefix=optional_value(given, "TOPIC_PREFIX") or "",
        event_partitions=whole_number(given, "EVENT_PARTITIONS", EVENT_PARTITIONS, 1, 10_000),
        session_timeout_ms=whole_number(
            given, "SESSION_TIMEOUT_MS", SESSION_TIMEOUT_MS, 6_000, 1_800_000
        ),
        group_instance=_name(given, "GROUP_INSTANCE"),
        retention=_days(given, "RETENTION"),
        revision=optional_value(given, "REVISION") or "unknown",
        series_limit=whole_number(given, "SERIES_LIMIT", SERIES_LIMIT, 1, SERIES_MOST),
        webhook_networks=_networks(given, "WEBHOOK_NETWORKS"),
        log_level=_log_level(given),
    )


def environment_value(name: str) -> str | None:
    """One `ACCORD_<name>` of this process's environment, or None; for the command line."""
    return optional_value(os.environ, name)


def environment_brokers() -> Brokers | None:
    """The Kafka that this process's environment names, or None; for the command line."""
    servers = environment_value("KAFKA_BOOTSTRAP_SERVERS")
    return None if servers is None else _brokers(os.environ, servers)


def process_environment(**changes: str) -> dict[str, str]:
    """This process's environment with `changes` over it: what a child process is given."""
    return {**os.environ, **changes}


def driver_url(url: str) -> str:
    """The URL as asyncpg reads it: `postgresql://…` without a driver's name."""
    parts = urlsplit(url)
    if parts.scheme.partition("+")[0] not in {"postgresql", "postgres"}:
        message = (
            f"{PREFIX}DATABASE_URL begins with {parts.scheme!r}; "
            "it is to look like postgresql://user@host:5432/name"
        )
        raise InvalidSettings(message)
    return urlunsplit(parts._replace(scheme="postgresql"))


def masked(url: str) -> str:
    """The URL with its password, if it has one, replaced by `***`."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    login, _, place = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{login.partition(':')[0]}:***@{place}"))


def optional_value(given: Mapping[str, str], name: str) -> str | None:
    """`ACCORD_<name>` of an environment, or what is in the file that `ACCORD_<name>_FILE` names."""
    value = given.get(PREFIX + name)
    path = given.get(f"{PREFIX}{name}_FILE")
    if value and path:
        message = f"both {PREFIX}{name} and {PREFIX}{name}_FILE are set; leave one out"
        raise InvalidSettings(message)
    if not path:
        return value or None
    try:
        return Path(path).read_text(encoding="utf-8").strip() or None
    except OSError as error:
        message = f"{PREFIX}{name}_FILE cannot be read: {error}"
        raise InvalidSettings(message) from None


def _brokers(given: Mapping[str, str], servers: str) -> Brokers:
    try:
        security = Security(
            protocol=optional_value(given, "KAFKA_SECURITY_PROTOCOL") or "PLAINTEXT",
            mechanism=optional_value(given, "KAFKA_SASL_MECHANISM"),
            username=optional_value(given, "KAFKA_SASL_USERNAME"),
            password=optional_value(given, "KAFKA_SASL_PASSWORD"),
            authorities=optional_value(given, "KAFKA_CA"),
            certificate=_path(given, "KAFKA_CERTIFICATE"),
            key=_path(given, "KAFKA_KEY"),
        )
        security.options()
    except (ValueError, OSError) as error:
        message = f"{PREFIX}KAFKA_…: {error}"
        raise InvalidSettings(message) from None
    return Brokers(servers, security)


def _required(given: Mapping[str, str], name: str) -> str:
    value = optional_value(given, name)
    if value is None:
        message = f"{PREFIX}{name} is not set; `accord local` prints a value that works here"
        raise InvalidSettings(message)
    return value


def _path(given: Mapping[str, str], name: str) -> Path | None:
    value = optional_value(given, name)
    return None if value is None else Path(value)


def _name(given: Mapping[str, str], name: str) -> str | None:
    """A name that Kafka takes for a member of a group, or None."""
    value = optional_value(given, name)
    if value is not None and not _NAME.fullmatch(value):
        message = (
            f"{PREFIX}{name} is {value!r}; it is to be 1 to 249 letters, digits, dots, hyphens "
            "and underscores, such as the name of a pod"
        )
        raise InvalidSettings(message)
    return value


def _instant(name: str, value: str) -> Instant:
    try:
        return parse_instant(value)
    except ValueError as error:
        message = f"{PREFIX}{name}: {error}"
        raise InvalidSettings(message) from None


def _days(given: Mapping[str, str], name: str) -> int | None:
    if optional_value(given, name) is None:
        return None
    return whole_number(given, name, RETENTION_LEAST, RETENTION_LEAST, RETENTION_MOST)


def _networks(given: Mapping[str, str], name: str) -> tuple[Network, ...]:
    try:
        return tuple(
            ip_network(own.strip()) for own in (optional_value(given, name) or "").split(",") if own
        )
    except ValueError as error:
        message = (
            f"{PREFIX}{name}: {error}; it is to be networks with commas: 10.1.0.0/16,fd00::/64"
        )
        raise InvalidSettings(message) from None


def _port(given: Mapping[str, str], name: str, default: int) -> int:
    return whole_number(given, name, default, 0, _PORT_MAX)


def whole_number(given: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    """`ACCORD_<name>` as a whole number from `least` to `most`; InvalidSettings otherwise."""
    value = optional_value(given, name)
    if value is None:
        return default
    if not (value.isascii() and value.isdigit() and least <= int(value) <= most):
        message = f"{PREFIX}{name} is {value!r}; it is to be a whole number, {least} to {most}"
        raise InvalidSettings(message)
    return int(value)


def _log_level(given: Mapping[str, str]) -> str:
    level = (optional_value(given, "LOG_LEVEL") or "INFO").upper()
    if level not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
        message = f"{PREFIX}LOG_LEVEL is {level!r}; it is DEBUG, INFO, WARNING or ERROR"
        raise InvalidSettings(message)
    return level
