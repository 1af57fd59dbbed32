"""`docs/reference/commands.md`: every command with its arguments and options, as typer has them."""

from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from textwrap import indent
from typing import Any, Final

import typer

from services.cli.main import app

# What stands behind a typer has private types there: it is looked at by its members.
_Command = Any
_VALUES: Final = {int: "NUMBER", float: "NUMBER", Path: "PATH"}
_HEAD: Final = """\
<!-- made by: python -m services.cli.reference docs/reference -->
# Commands

`accord` is in `.venv/bin` after `make setup` (`source .venv/bin/activate` puts it on the path).
Every command tells all of this with `--help`; `accord --version` says which version it is.
Exit 0 is success, 2 input that cannot be read; what else an exit says is with the command.
"""


def commands_page() -> str:
    """The page."""
    root = typer.main.get_command(app)
    context = root.make_context("accord", [], resilient_parsing=True)
    names = root.list_commands(context)  # type: ignore[attr-defined]
    parts = [_HEAD]
    for name in names:
        command = root.get_command(context, name)  # type: ignore[attr-defined]
        parts += _command(f"accord {name}", command)
    return "\n".join(parts)


def _command(name: str, command: _Command) -> Iterator[str]:
    several: Mapping[str, _Command] = getattr(command, "commands", {})
    if not several:
        yield f"## {name}\n"
        yield from _told(name, command)
        return
    yield f"## {name}\n"
    if command.help:
        yield _help(command.help)
    for own, inner in several.items():
        yield f"### {name} {own}\n"
        yield from _told(f"{name} {own}", inner)


def _told(name: str, command: _Command) -> Iterator[str]:
    shown = [own for own in command.params if not getattr(own, "hidden", False)]
    arguments = [own for own in shown if own.param_type_name == "argument"]
    options = [own for own in shown if own.param_type_name == "option"]
    words = [name, *(["[OPTIONS]"] if options else []), *map(_argument, arguments)]
    yield _help(command.help or "")
    yield f"    {' '.join(words)}\n"
    rows = [_row(f"`{_argument(own)}`", own) for own in arguments]
    rows += [_row(f"`{_option(own)}`", own) for own in options if own.name != "help"]
    if rows:
        yield "\n".join(["| | |", "|---|---|", *rows]) + "\n"


def _argument(own: _Command) -> str:
    name = (own.metavar or own.name).upper()
    return name if own.required else f"[{name}]"


def _option(own: _Command) -> str:
    flags = ", ".join((*own.opts, *own.secondary_opts))
    if own.is_flag:
        return flags
    kind = own.type_descriptor.annotation
    if isinstance(kind, type) and issubclass(kind, Enum):
        return f"{flags} {' or '.join(_plain(choice) for choice in kind)}"
    return f"{flags} {own.metavar or _VALUES.get(kind, 'TEXT')}"


def _row(name: str, own: _Command) -> str:
    text = _sentences(own.help or "")
    default = own.default
    if own.required and own.param_type_name == "option":
        text += " Required."
    elif default not in (None, False, ()) and not callable(default):
        text += f" Default: `{_plain(default)}`."
    return f"| {name} | {text.strip()} |"


def _plain(value: object) -> str:
    return str(getattr(value, "value", value))


def _help(text: str) -> str:
    """Its paragraphs; one whose lines are kept (after a backspace, as in click) is an example."""
    parts = [
        indent(part.removeprefix("\b\n"), "    ") if part.startswith("\b") else _sentences(part)
        for part in text.split("\n\n")
    ]
    return "\n\n".join(parts) + "\n"


def _sentences(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
