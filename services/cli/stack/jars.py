"""Kafka's jars: fetched once by coordinate into the machine's Maven cache, checked each time.

Which ones is written down, with a digest each, so that nothing has to be resolved at a start.
`python -m services.cli.stack.jars` writes it anew after a change of version.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
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
LOCK: Final = Path(__file__).with_name("kafka_jars.lock")
_FETCHERS: Final = 8
_TIMEOUT_S: Final = 60


def class_path(say: Callable[[str], None]) -> list[Path]:
    """The jars that Kafka runs with; fetches the missing ones, telling `say` how far it is."""
    wanted = _locked()
    artifacts = _artifacts(wanted)
    _fetch(artifacts, say)
    digests = list(wanted.values())
    if torn := _differing(artifacts, digests):
        # A fetch that was interrupted leaves a part of its file behind.
        say(f"fetching {len(torn)} of Kafka's jars again: not whole in the cache")
        for jar in torn:
            jar.unlink()
        _fetch(artifacts, say)
    if wrong := _differing(artifacts, digests):
        message = f"not what {LOCK.name} names: " + ", ".join(map(str, wrong))
        raise StackError(message)
    return [_path(artifact) for artifact in artifacts]


def _differing(artifacts: "Sequence[Artifact]", digests: Sequence[str]) -> list[Path]:
    jars = map(_path, artifacts)
    return [jar for jar, digest in zip(jars, digests, strict=True) if _digest(jar) != digest]


def write_lock() -> None:
    """Resolve Kafka and its logger anew and write down their jars."""
    import jgo  # noqa: PLC0415 - of the extra `local`, which the services do without

    artifacts = [*jgo.resolve(KAFKA), jgo.resolve(LOGGER)[0]]
    lines = [
        f"{_digest(_path(artifact))} {artifact.groupId}:{artifact.artifactId}:{artifact.version}\n"
        for artifact in sorted(artifacts, key=lambda one: (one.groupId, one.artifactId))
    ]
    head = "# sha256 of each jar that the local Kafka runs with, checked before it is started\n"
    LOCK.write_text(head + "".join(lines), encoding="ascii")


def _artifacts(coordinates: Iterable[str]) -> "list[Artifact]":
    try:
        from jgo.maven import MavenContext  # noqa: PLC0415 - of the extra `local`
    except ModuleNotFoundError as error:
        message = f"the package {error.name} is not installed; run `make setup`"
        raise StackError(message) from error
    maven = MavenContext(timeout=_TIMEOUT_S)
    parts = (coordinate.split(":") for coordinate in coordinates)
    return [
        maven.project(group, name).at_version(version).artifact() for group, name, version in parts
    ]


def _fetch(artifacts: "Sequence[Artifact]", say: Callable[[str], None]) -> None:
    missing = [artifact for artifact in artifacts if not _is_here(artifact)]
    if not missing:
        return
    say(f"fetching Kafka {VERSION}, about 50 MB (once)")
    with ThreadPoolExecutor(_FETCHERS) as pool:
        for done, _ in enumerate(pool.map(_path, missing), 1):
            if done % 10 == 0 or done == len(missing):
                say(f"fetching Kafka {VERSION}: {done} of {len(missing)} jars")


def _is_here(artifact: "Artifact") -> bool:
    cached = artifact.cached_path
    return cached is not None and cached.exists()


def _path(artifact: "Artifact") -> Path:
    try:
        return Path(artifact.resolve())
    except (OSError, RuntimeError, ValueError) as error:
        message = (
            f"Kafka's jars cannot be fetched ({error}); let this machine reach Maven's central "
            "repository once, or set ACCORD_KAFKA_BOOTSTRAP_SERVERS to a Kafka that runs"
        )
        raise StackError(message) from error


def _digest(jar: Path) -> str:
    return hashlib.sha256(jar.read_bytes()).hexdigest()


def _locked() -> dict[str, str]:
    lines = LOCK.read_text(encoding="ascii").splitlines()
    pairs = (line.split() for line in lines if not line.startswith("#"))
    return {coordinate: digest for digest, coordinate in pairs}


if __name__ == "__main__":
    write_lock()
