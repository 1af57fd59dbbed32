"""Kafka's jars: fetched once by coordinate into the machine's Maven cache, checked each time."""

import hashlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

from services.cli.stack.child import StackError

if TYPE_CHECKING:
    from jgo.maven import Artifact

VERSION: Final = "4.3.1"
KAFKA: Final = f"org.apache.kafka:kafka_2.13:{VERSION}"
# Kafka logs through SLF4J and leaves it to whoever runs it to bring a logger. Resolved apart:
# together, the logger's own wishes would replace some of Kafka's versions.
LOGGER: Final = "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4"
_LOCK: Final = Path(__file__).with_name("kafka_jars.lock")
_FETCHERS: Final = 4


def class_path(say: Callable[[str], None]) -> list[Path]:
    """The jars that Kafka runs with; fetches the missing ones, telling `say` how far it is."""
    wanted = _locked()
    artifacts = {_coordinate(artifact): artifact for artifact in _resolve(say)}
    if artifacts.keys() != wanted.keys():
        message = f"Kafka {VERSION} resolves to other jars than {_LOCK.name} names: " + ", ".join(
            sorted(artifacts.keys() ^ wanted.keys())
        )
        raise StackError(message)
    _fetch(artifacts.values(), say)
    jars = {coordinate: _path(artifact) for coordinate, artifact in artifacts.items()}
    for coordinate, jar in jars.items():
        if hashlib.sha256(jar.read_bytes()).hexdigest() != wanted[coordinate]:
            message = f"{jar} is not the jar that {_LOCK.name} names; remove it and start again"
            raise StackError(message)
    return list(jars.values())


def _resolve(say: Callable[[str], None]) -> "list[Artifact]":
    try:
        import jgo  # noqa: PLC0415 - part of the extra `local`, which the services do without
    except ModuleNotFoundError as error:
        message = f"the package {error.name} is not installed; run `make setup`"
        raise StackError(message) from error
    try:
        return [*jgo.resolve(KAFKA), jgo.resolve(LOGGER)[0]]
    except (OSError, RuntimeError, ValueError) as error:
        say("Kafka's jars could not be looked up")
        raise StackError(_unreachable(error)) from error


def _fetch(artifacts: "Iterable[Artifact]", say: Callable[[str], None]) -> None:
    missing = [artifact for artifact in artifacts if not _is_here(artifact)]
    with ThreadPoolExecutor(_FETCHERS) as pool:
        for done, _ in enumerate(pool.map(_path, missing), 1):
            if done % 5 == 0 or done == len(missing):
                say(f"fetching Kafka {VERSION} (once): {done} of {len(missing)} jars")


def _is_here(artifact: "Artifact") -> bool:
    cached = artifact.cached_path
    return cached is not None and cached.exists()


def _path(artifact: "Artifact") -> Path:
    try:
        return Path(artifact.resolve())
    except (OSError, RuntimeError, ValueError) as error:
        raise StackError(_unreachable(error)) from error


def _unreachable(error: Exception) -> str:
    return (
        f"Kafka's jars cannot be fetched ({error}); let this machine reach Maven's central "
        "repository once, or set ACCORD_KAFKA_BOOTSTRAP_SERVERS to a Kafka that runs"
    )


def _coordinate(artifact: "Artifact") -> str:
    return f"{artifact.groupId}:{artifact.artifactId}:{artifact.version}"


def _locked() -> dict[str, str]:
    lines = _LOCK.read_text(encoding="ascii").splitlines()
    pairs = (line.split() for line in lines if not line.startswith("#"))
    return {coordinate: digest for digest, coordinate in pairs}
