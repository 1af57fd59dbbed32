"""The files of a path and their texts: regular, of limited size, in UTF-8, of one moment."""

import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shared.documents.problems import InvalidDocument, Place, Problem, printable, refused

MAX_BYTES: Final = 4 * 1024 * 1024
"""Largest file that is read at all."""
MAX_FILES: Final = 20_000
"""Most files of a folder."""
MAX_TOTAL: Final = 256 * 1024 * 1024
"""Most characters of all files of a folder together."""

_SUFFIXES: Final = (".yaml", ".yml")
_NOT_FOLLOWED: Final = "links to folders are not followed; this one is left out"
# A pipe that nobody writes to would be waited for otherwise.
_FLAGS: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
_Stamp = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Source:
    """A file's name, as messages show it, and its text."""

    file: str
    text: str


@dataclass(frozen=True, slots=True)
class Sources:
    """What a path holds. Of `problems` nothing is among the texts."""

    texts: tuple[Source, ...]
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


def read_path(path: Path) -> Sources:
    """Read a file, or the YAML files of a folder recursively, hidden ones left out.

    A file that changes meanwhile is a problem: what is read belongs together.
    """
    found = find(path)
    problems, texts = list(found.problems), []
    stamps: dict[Path, _Stamp] = {}
    total = 0
    for file in found.paths:
        if total > MAX_TOTAL:
            message = f"the files together are larger than {MAX_TOTAL // 1024**2} MiB; split them"
            problems.append(_of(path, message))
            break
        try:
            text, stamps[file] = _read(file, shown_as(file))
        except InvalidDocument as error:
            problems.extend(error.problems)
        else:
            texts.append(Source(shown_as(file), text))
            total += len(text)
    problems.extend(_changed(path, found.paths, stamps))
    return Sources(tuple(texts), tuple(problems), found.warnings)


def read_text(path: Path, file: str) -> str:
    """A file's text: a regular file of limited size in UTF-8; `InvalidDocument` otherwise."""
    text, _ = _read(path, file)
    return text


def shown_as(path: Path) -> str:
    """A path as messages show it: bytes that are no text are written out."""
    return printable(str(path))


@dataclass(frozen=True, slots=True)
class Found:
    """The files of a path in order, what could not be looked into, and what was left out."""

    paths: tuple[Path, ...]
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


def find(path: Path) -> Found:
    """The file, or the YAML files of a folder recursively, hidden ones left out."""
    problems: list[Problem] = []
    warnings: list[Problem] = []
    try:
        is_folder = stat.S_ISDIR(path.stat().st_mode)
    except OSError as error:
        what = "there is no such file" if error.errno == errno.ENOENT else _cannot_be_read(error)
        return Found((), (_of(path, what),))
    if not is_folder:
        return Found((path,))

    def failed(error: OSError) -> None:
        problems.append(_of(Path(error.filename), f"the folder {_cannot_be_read(error)}"))

    paths = sorted(_walk(path, failed, warnings))
    if len(paths) > MAX_FILES:
        problems.append(_of(path, f"more than {MAX_FILES:,} files in one folder; split it"))
        paths = []
    elif not paths and not problems:
        problems.append(_of(path, "there is no .yaml or .yml file"))
    return Found(tuple(paths), tuple(problems), tuple(warnings))


def _walk(path: Path, failed: Callable[[OSError], None], warnings: list[Problem]) -> Iterator[Path]:
    for folder, folders, names in os.walk(path, onerror=failed):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        links = (link for name in folders if (link := Path(folder, name)).is_symlink())
        warnings.extend(_of(link, _NOT_FOLLOWED) for link in links)
        for name in names:
            if name.endswith(_SUFFIXES) and not name.startswith("."):
                yield Path(folder, name)


def _read(path: Path, file: str) -> tuple[str, _Stamp]:
    start = Place(file, 1, 1)
    try:
        _refuse_other_kinds(start, path.stat())
        data, stamp = _bytes(path, start)
    except OSError as error:
        raise refused(start, f"the file {_cannot_be_read(error)}") from error
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise refused(Place(file, line, 1), "the text is not UTF-8; save it as UTF-8") from error
    if text.startswith("\ufeff"):
        raise refused(start, "the file begins with a byte order mark; save it as UTF-8 without")
    return text, stamp


def _bytes(path: Path, start: Place) -> tuple[bytes, _Stamp]:
    with open(os.open(path, _FLAGS), "rb") as opened:  # noqa: PTH123 - Path opens no descriptor
        # Once more: the name may stand for another file by now.
        status = os.fstat(opened.fileno())
        _refuse_other_kinds(start, status)
        # A file may be longer than it says, as those of /proc are.
        data = opened.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise _too_large(start)
        return data, _stamp(status)


def _refuse_other_kinds(start: Place, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise refused(start, f"this is {_kind(status.st_mode)}, not a regular file")
    if status.st_size > MAX_BYTES:
        raise _too_large(start)


def _kind(mode: int) -> str:
    kinds = (
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a device"),
        (stat.S_ISBLK, "a device"),
    )
    return next((word for is_kind, word in kinds if is_kind(mode)), "something else")


def _too_large(start: Place) -> InvalidDocument:
    return refused(start, f"the file is larger than {MAX_BYTES // 1024**2} MiB; split it")


def _cannot_be_read(error: OSError) -> str:
    return f"cannot be read: {error.strerror}"


def _changed(path: Path, paths: Iterable[Path], stamps: dict[Path, _Stamp]) -> Iterator[Problem]:
    """The files that are no longer what was read."""
    message = "the file changed while it was read; try again"
    for file, stamp in stamps.items():
        try:
            now = _stamp(file.stat())
        except OSError:
            now = None
        if now != stamp:
            yield _of(file, message)
    for file in set(find(path).paths).difference(paths):
        yield _of(file, "the file came while the folder was read; try again")


def _stamp(status: os.stat_result) -> _Stamp:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _of(path: Path, message: str) -> Problem:
    return Problem(Place(shown_as(path), 1, 1), message)
