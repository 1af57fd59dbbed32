"""Other stream processors of Python on the same events, each in a process of its own."""

import subprocess
import sys
from pathlib import Path
from typing import Final

from services.cli.terminal import say

HOME: Final = Path(".accord/peers")
_SCRIPTS: Final = Path("tests/bench")
_PACKAGES: Final = _SCRIPTS / "peers.txt"
NAMES: Final = ("quix", "bytewax")
_PATIENCE_S: Final = 600


def installed() -> Path | None:
    """The Python of the peers' environment, made anew when their packages are others than before.

    Only wheels whose hashes are known are taken. None without a network.
    """
    python = HOME / "bin" / "python"
    stamp = HOME / ".done"
    wanted = _PACKAGES.read_text()
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    say("installing the peers, once")
    try:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(HOME)], check=True)  # noqa: S603
        install = [python, "-m", "pip", "install", "--quiet", "--require-hashes"]
        which = ["--only-binary", ":all:", "-r", _PACKAGES]
        subprocess.run([*map(str, install + which)], check=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError) as error:
        say(f"THE PEERS ARE LEFT OUT: they cannot be installed: {error}")
        return None
    stamp.write_text(wanted)
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
