"""Where mistakes are put into the running code, and taken out again."""

# ruff: noqa: ANN401 - what is replaced on purpose is of any type

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

Put = Callable[[object, str, object], object]
Bug = Callable[[Put], None]
BUGS: Final[dict[str, Bug]] = {}


def bug(install_it: Bug) -> Bug:
    """Have it known by its name; its docstring says what the mistake is."""
    BUGS[install_it.__name__.replace("_", "-")] = install_it
    return install_it


@contextmanager
def installed(name: str) -> Iterator[None]:
    """Make this mistake until the block ends."""
    with ExitStack() as stack:
        BUGS[name](lambda *what: stack.enter_context(put_for_now(*what)))
        yield


@contextmanager
def put_for_now(owner: object, attribute: str, new: object) -> Iterator[None]:
    """Replace something of a class or a module until the block ends."""
    old = vars(owner)[attribute]
    setattr(owner, attribute, new)
    try:
        yield
    finally:
        setattr(owner, attribute, old)


def was(owner: object, name: str) -> Any:
    """What is replaced, whatever its type."""
    return getattr(owner, name)
