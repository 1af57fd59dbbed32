"""Other stream processors of Python on the same events, each in a process of its own."""

import subprocess
import sys
from pathlib import Path
from typing import Final

from services.cli.local import say

HOME: Final = Path(".accord/peers")
_SCRIPTS: Final = Path("tests/bench")
NAMES: Final = ("quix", "bytewax")
_PATIENCE_S: Final = 600


def installed() -> Path | None:
    """The Python of the peers' environment, made when it is not there; None without a network."""
    python = HOME / "bin" / "python"
    stamp = HOME / ".done"
    if stamp.exists():
        return python
    say("installing the peers, once")
    try:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(HOME)], check=True)  # noqa: S603
        install = [python, "-m", "pip", "install", "--quiet", "-r", _SCRIPTS / "peers.txt"]
        subprocess.run([*map(str, install)], check=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError) as error:
        say(f"THE PEERS ARE LEFT OUT: they cannot be installed: {error}")
        return None
    stamp.touch()
    return python


def peer_rate(name: str, python: Path, servers: str, topic: str, count: int, url: str) -> float:
    """Events a second of a peer over the topic."""
    command = [python, _SCRIPTS / f"peer_{name}.py", servers, topic, count, url]
    done = subprocess.run(  # noqa: S603 - our own scripts
        [*map(str, command)], check=False, capture_output=True, text=True, timeout=_PATIENCE_S
    )
    if done.returncode:
        message = f"{name} failed: {done.stderr[-2000:]}"
        raise RuntimeError(message)
    return float(done.stdout.strip().splitlines()[-1])
