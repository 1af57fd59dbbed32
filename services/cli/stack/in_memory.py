"""Where data lie that are needed for a run only: in memory, where there is plenty of it.

A file system in memory makes a broker's thousands of small files many times faster. Where the
folder is stands in a note, so that what a killed run left behind is removed by the next one.
"""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

import psutil

_SHARED: Final = Path("/dev/shm")  # noqa: S108 - a new folder in it, for its owner alone
_NOTE: Final = "outside"
ROOM: Final = 4 * 1024**3
"""Bytes that have to be free; a run takes a few hundred million at most."""


def place_in_memory(folder: Path, *, shared: Path = _SHARED, room: int = ROOM) -> Path:
    """A folder in memory, noted in `folder`; `folder` itself where there is no room for one."""
    note = folder / _NOTE
    if note.exists():
        known = Path(note.read_text(encoding="utf-8").strip())
        if known.is_dir():
            return known
    if not _has_room(shared, room):
        return folder
    made = Path(tempfile.mkdtemp(prefix=f"accord-{folder.name}-", dir=shared))
    note.write_text(f"{made}\n", encoding="utf-8")
    return made


def remove(folder: Path) -> None:
    """Remove the data in `folder`, and what was put outside for it."""
    note = folder / _NOTE
    if note.exists():
        shutil.rmtree(note.read_text(encoding="utf-8").strip(), ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


def _has_room(shared: Path, room: int) -> bool:
    return (
        shared.is_dir()
        and os.access(shared, os.W_OK)
        and shutil.disk_usage(shared).free >= room
        and int(psutil.virtual_memory().available) >= room
    )
