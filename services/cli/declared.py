"""The sources that the environment of a command names."""

from pathlib import Path

import typer

from shared.documents.source_files import load_sources
from shared.domain.source import Source
from shared.runtime.config import environment_value


def declared_sources() -> tuple[Source, ...]:
    """What `ACCORD_SOURCES` names, else the default; problems end the command with code 2."""
    named = environment_value("SOURCES")
    loaded = load_sources(None if named is None else Path(named))
    for problem in loaded.problems:
        typer.echo(str(problem), err=True)
    if loaded.problems:
        raise typer.Exit(2)
    return loaded.sources
