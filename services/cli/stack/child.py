"""One process that the stack started: its log, its end, and what a killed stack left of it.

A child ends with its parent (Linux tells it); a file with its number and the moment it began
lets the next start find one that did not, without ever ending a stranger that has its number.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

_TIED: Final = Path(__file__).with_name("tied.py")
_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
_PAUSE_S: Final = 0.02
_NOTICE_S: Final = 10.0
_END_S: Final = 10.0
_TAIL_LINES: Final = 12


class StackError(RuntimeError):
    """A part of the local stack cannot be had; the text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How a child is started and stopped."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    stop_signal: signal.Signals = signal.SIGTERM
    uid: int = -1
    gid: int = -1


class Child:
    """A running process of the stack."""

    def __init__(self, launch: Launch, home: Path) -> None:
        """Start it; `home` takes its log (`logs/NAME.log`) and its record (`run/NAME.json`)."""
        self.name = launch.name
        self.log = home / "logs" / f"{launch.name}.log"
        self._record = home / "run" / f"{launch.name}.json"
        self._launch = launch
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._record.parent.mkdir(parents=True, exist_ok=True)
        tie = [os.getpid(), int(launch.stop_signal), launch.uid, launch.gid]
        with self.log.open("ab") as log:
            self.log_start = log.tell()
            self._process = subprocess.Popen(  # noqa: S603 - our own command, no shell
                [sys.executable, "-I", "-S", str(_TIED), *map(str, tie), *launch.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(launch.environment),
                cwd=launch.folder,
                start_new_session=True,
            )
        self._record.write_text(json.dumps(_identity(self._process.pid)), encoding="utf-8")

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def code(self) -> int | None:
        """The code it ended with, or None while it runs."""
        return self._process.poll()

    def stop(self, patience_s: float = 30.0) -> None:
        """Ask it to end, and end it when it has not within `patience_s`."""
        if self.code() is None:
            self._process.send_signal(self._launch.stop_signal)
            try:
                self._process.wait(patience_s)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._record.unlink(missing_ok=True)

    def kill(self) -> None:
        """End it at once, as a crash would, and wait until its own children have noticed."""
        if self.code() is None:
            family = psutil.Process(self.pid).children(recursive=True)
            self.send(signal.SIGKILL)
            self._process.wait()
            psutil.wait_procs(family, timeout=_NOTICE_S)
        self._record.unlink(missing_ok=True)

    def send(self, name: signal.Signals) -> None:
        """Send it a signal, such as SIGSTOP."""
        self._process.send_signal(name)

    def tail(self) -> str:
        """The last lines that it logged since it was started."""
        with self.log.open("rb") as log:
            log.seek(self.log_start)
            text = log.read().decode(errors="replace")
        return "\n".join(text.splitlines()[-_TAIL_LINES:])

    def wait_until(self, good: Callable[[], bool], what: str, patience_s: float) -> None:
        """Wait until `good()`; `StackError` with its log's end when it ends first or is late."""
        end = time.monotonic() + patience_s
        while not good():
            code = self.code()
            if code is not None:
                problem = f"ended with code {code} before {what}"
                raise self._failure(problem)
            if time.monotonic() > end:
                problem = f"took longer than {patience_s:g} s until {what}"
                raise self._failure(problem)
            time.sleep(_PAUSE_S)

    def _failure(self, what: str) -> StackError:
        return StackError(f"{self.name} {what}; {self.log} ends:\n{self.tail()}")


def end_leftovers(home: Path, say: Callable[[str], None]) -> None:
    """End the children that a stack in `home`, killed before it could stop them, left behind."""
    for record in sorted((home / "run").glob("*.json")):
        process = _find(record)
        if process is not None:
            say(f"{record.stem} was left running by an earlier start; ending it")
            _end(process)
        record.unlink(missing_ok=True)


def _end(process: psutil.Process) -> None:
    family = [process, *process.children(recursive=True)]
    process.terminate()
    _, alive = psutil.wait_procs(family, timeout=_END_S)
    for member in alive:
        member.kill()
    psutil.wait_procs(alive, timeout=_NOTICE_S)


def _find(record: Path) -> psutil.Process | None:
    try:
        written = json.loads(record.read_text(encoding="utf-8"))
        found = _identity(written["pid"])
        process = psutil.Process(written["pid"])
    except (ValueError, KeyError, psutil.Error):
        return None
    return process if found == written and process.status() != psutil.STATUS_ZOMBIE else None


def _identity(pid: int) -> dict[str, object]:
    """A process's number with the moment it began, which no later process of the number has."""
    if _BOOT.exists():
        boot = _BOOT.read_text(encoding="ascii").strip()
        try:
            line = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise psutil.NoSuchProcess(pid) from error
        return {"pid": pid, "began": f"{boot}/{line.rpartition(')')[2].split()[19]}"}
    return {"pid": pid, "began": str(psutil.Process(pid).create_time())}
