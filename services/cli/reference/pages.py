"""Which reference pages there are, and what makes each."""

from collections.abc import Callable, Mapping
from typing import Final

from services.cli.reference.commands import commands_page

PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "commands.md": commands_page,
}
