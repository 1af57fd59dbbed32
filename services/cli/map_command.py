"""`accord map`: payloads in, the events that a source makes of them out, offline."""

import sys
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer

from services.cli.evaluate import WRONG_INPUT, opened
from shared.documents.problems import did_you_mean
from shared.documents.source_files import load_sources
from shared.domain.source import Source
from shared.wire.cloudevents import InvalidEvent, encode
from shared.wire.mapping import read_record

_REFUSED: Final = 1


def map_command(
    sources: Annotated[Path, typer.Option(help="A Source document, or a folder of documents.")],
    payloads: Annotated[str, typer.Option(help="A file of payloads, one JSON value a line, or -.")],
    source: Annotated[str | None, typer.Option(help="Its name, where there are several.")] = None,
) -> None:
    """Print the events of payloads, one a line; the lines that are refused, and why (exit 1)."""
    chosen = _chosen(sources, source)
    refused = 0
    with opened(payloads) as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                for event in read_record(chosen, (), line.strip()):
                    sys.stdout.buffer.write(encode(event) + b"\n")
            except InvalidEvent as why:
                refused += 1
                typer.echo(f"{payloads}:{number}: {why}", err=True)
    if refused:
        raise typer.Exit(_REFUSED)


def _chosen(path: Path, name: str | None) -> Source:
    loaded = load_sources(path)
    if loaded.problems:
        _refuse("\n".join(map(str, loaded.problems)))
    known = {one.name: one for one in loaded.sources}
    if name is None and len(known) == 1:
        [name] = known
    if name is None:
        _refuse(f"there are several sources; choose one with --source: {', '.join(known)}")
    if name not in known:
        hint = did_you_mean(name, known) or f"; there are {', '.join(known)}"
        _refuse(f'no source is named "{name}"{hint}')
    return known[name]


def _refuse(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(WRONG_INPUT)
