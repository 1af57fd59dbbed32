"""`accord local`: Kafka, PostgreSQL and, if asked, the services, in the foreground."""

import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Final

import typer

from services.cli.declared import declared_sources
from services.cli.stack.child import StackError
from services.cli.stack.local_stack import DATA, LocalStack
from services.cli.stack.services import Services
from services.cli.terminal import say, until_stopped
from shared.runtime.config import environment_value
from shared.runtime.migrate import MigrationError
from shared.runtime.topics import TopicError

_LOOK_S: Final = 0.25
_AGREEMENTS: Final = Path("deploy/agreements")


def local(
    *,
    services: Annotated[
        bool, typer.Option("--services", help="Start ingest, evaluator and api too.")
    ] = False,
    agreements: Annotated[
        Path | None,
        typer.Option(
            exists=True, file_okay=False, help="Folder of the documents the services read."
        ),
    ] = None,
    port_base: Annotated[
        int | None, typer.Option(min=1024, max=65_000, help="Take ports from here on upwards.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget the data and begin anew.")] = False,
    data: Annotated[Path, typer.Option(help="Folder of the data and the logs.")] = DATA,
) -> None:
    """Run Kafka and PostgreSQL, print where they are, then `ready`; Ctrl-C stops all of it."""
    inputs = [source.topic for source in declared_sources()]
    stack = LocalStack(data, port_base=port_base, fresh=fresh, inputs=inputs, say=say)
    try:
        with until_stopped(), ExitStack() as running:
            running.enter_context(stack)
            _print(stack.environment)
            started = None
            if services:
                started = Services(
                    stack.home,
                    {**stack.environment, "ACCORD_SOURCES": environment_value("SOURCES") or ""},
                    agreements=agreements or default_agreements(),
                    ports=stack.ports,
                    say=say,
                )
                running.enter_context(started)
                _print(started.addresses)
            print("ready", flush=True)
            _watch(stack, started)
    except (StackError, MigrationError, TopicError, OSError) as error:
        say(str(error))
        raise typer.Exit(1) from None


def default_agreements() -> Path | None:
    """The folder that the environment names, else the one that comes with the program."""
    named = environment_value("AGREEMENTS")
    if named is not None:
        return Path(named)
    return _AGREEMENTS if _AGREEMENTS.is_dir() else None


def _print(variables: Mapping[str, str]) -> None:
    for name, value in variables.items():
        print(f"{name}={value}", flush=True)


def _watch(stack: LocalStack, services: Services | None) -> None:
    while not stack.dead():
        if services is not None:
            services.revive()
        time.sleep(_LOOK_S)
    ended = stack.ended()
    raise StackError(ended)
