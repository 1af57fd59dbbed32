"""What commands tell the person at the terminal, and how that person stops them."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stopped(KeyboardInterrupt):
    """Somebody asked the program to stop; an event loop lets only this kind through."""


@contextmanager
def until_stopped() -> Iterator[None]:
    """Turn the first SIGTERM or SIGINT into the end of the block; later ones change nothing."""
    before = {name: signal.getsignal(name) for name in (signal.SIGTERM, signal.SIGINT)}

    def stop(_number: int, _frame: FrameType | None) -> None:
        for name in before:
            signal.signal(name, signal.SIG_IGN)
        raise Stopped

    for name in before:
        signal.signal(name, stop)
    try:
        yield
    except Stopped:
        pass
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def say(text: str) -> None:
    """Tell the person at the terminal; standard output is for what programs read."""
    print(f"accord: {text}", file=sys.stderr, flush=True)
