"""Logs: one JSON object a line on standard error.

`message` is a sentence for people, `action` a word for machines; everything else that a call
gives in `extra` is a member of its own: `logger.info("…", extra={"action": "claimed", …})`.
"""

import logging
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import msgspec
from prometheus_client import Counter

_STANDARD: Final = frozenset(
    logging.LogRecord("", 0, "", 0, "", None, None).__dict__.keys() | {"message", "asctime"}
)
LEVELS: Final = ("debug", "info", "warning", "error", "critical")
_encoder: Final = msgspec.json.Encoder(enc_hook=str, decimal_format="number")


TEXT_MAX: Final = 8_192
ERROR_MAX: Final = 65_536
"""Characters of a member: names come from others, and a line is to stay readable."""


class JsonFormatter(logging.Formatter):
    """Writes a record as one line of JSON."""

    def __init__(self, service: str) -> None:
        """`service` is a member of every line."""
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        moment = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, object] = {
            "time": moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "level": record.levelname.lower(),
            "service": self._service,
            "message": record.getMessage(),
            "logger": record.name,
        }
        line.update(item for item in record.__dict__.items() if item[0] not in _STANDARD)
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)[-ERROR_MAX:]
        return _encoder.encode({name: _shown(value) for name, value in line.items()}).decode()


def _shown(value: object) -> object:
    """The value as a log can hold it: no text beyond all measure, none that is no Unicode."""
    if not isinstance(value, str):
        return value
    cut = value if len(value) <= ERROR_MAX else f"{value[:TEXT_MAX]}…"
    return cut.encode("utf-8", "replace").decode("utf-8")


REPEATED_S: Final = 10.0
"""So long nothing is written of what the client of Kafka says again."""


class _Repeating(logging.Filter):
    """Writes each sentence of the client of Kafka once in so long.

    While a broker is away it has a hundred a second; `repeated` is how many were left out before.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock
        self._told: dict[tuple[str, object], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith("aiokafka"):
            return True
        sentence, now = (record.name, record.msg), self._clock()
        at, repeated = self._told.get(sentence, (-REPEATED_S, 0))
        if now - at < REPEATED_S:
            self._told[sentence] = at, repeated + 1
            return False
        self._told[sentence] = now, 0
        if repeated:
            record.repeated = repeated
        return True


class _Counting(logging.Filter):
    def __init__(self, counter: Counter) -> None:
        super().__init__()
        self._counter = counter
        for level in LEVELS:
            counter.labels(level=level)  # begins at 0

    def filter(self, record: logging.LogRecord) -> bool:
        self._counter.labels(level=record.levelname.lower()).inc()
        return True


def configure(service: str, *, level: str = "INFO", counter: Counter | None = None) -> None:
    """Send every logger's records to standard error as JSON; `counter` counts them by level."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(service))
    handler.addFilter(_Repeating(time.monotonic))
    if counter is not None:
        handler.addFilter(_Counting(counter))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    # Their news at this level is about every fetch and every request: ours says what matters.
    for name in ("aiokafka", "uvicorn.access", "asyncio"):
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))
