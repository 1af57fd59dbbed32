"""`python -m shared.runtime.livez`: ends with 0 when the service of this container lives.

Without ACCORD_METRICS_PORT a service listens on the port of its kind: one of these answers.
"""

import sys
from urllib.error import URLError
from urllib.request import urlopen

from shared.runtime.config import METRICS_PORTS, environment_value


def lives(port: str) -> bool:
    """Whether a process of this machine answers `/livez` on `port`."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/livez", timeout=2):
            return True
    except (URLError, TimeoutError):
        return False


def main() -> int:
    """The exit code that a container's health check expects."""
    given = environment_value("METRICS_PORT")
    ports = [given] if given else [str(port) for port in METRICS_PORTS.values()]
    return 0 if any(lives(port) for port in ports) else 1


if __name__ == "__main__":
    sys.exit(main())
