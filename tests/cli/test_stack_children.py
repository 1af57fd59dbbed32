"""Processes of the local stack: none outlives it, and none of a stranger's is touched."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from services.cli.stack.child import Child, Launch, StackError, end_leftovers
from services.cli.stack.ports import Ports, is_free, is_open

SLEEPER = (sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)")
DEAF = (
    sys.executable,
    "-c",
    """import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print('up', flush=True)
time.sleep(600)""",
)
# A stack that is killed hard, in a process of its own.
PARENT = """
import sys, time
from pathlib import Path
from services.cli.stack.child import Child, Launch
home = Path(sys.argv[1])
child = Child(Launch(name="sleeper", command=sys.argv[2:], environment={}, folder=home), home)
child.wait_until(lambda: "up" in child.tail(), "it was up", 30)
print(child.pid, flush=True)
time.sleep(600)
"""


def a_child(home: Path, command: tuple[str, ...] = SLEEPER) -> Child:
    child = Child(Launch(name="sleeper", command=command, environment={}, folder=home), home)
    child.wait_until(lambda: "up" in child.tail(), "it was up", 30)
    return child


def eventually(good: Callable[[], bool]) -> bool:
    end = time.monotonic() + 30
    while not good() and time.monotonic() < end:
        time.sleep(0.02)
    return good()


def runs(pid: int) -> bool:
    return bool(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)


def test_a_child_is_stopped_and_its_record_removed(tmp_path: Path) -> None:
    child = a_child(tmp_path)
    assert child.code() is None
    assert (tmp_path / "run" / "sleeper.json").exists()
    child.stop()
    assert child.code() == -signal.SIGTERM
    assert not (tmp_path / "run" / "sleeper.json").exists()


def test_a_child_that_does_not_listen_is_ended_all_the_same(tmp_path: Path) -> None:
    child = a_child(tmp_path, DEAF)
    child.stop(patience_s=0.2)
    assert child.code() == -signal.SIGKILL


def test_a_child_that_ends_too_early_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    command = (sys.executable, "-c", "print('no disk'); raise SystemExit(3)")
    child = Child(Launch(name="kafka", command=command, environment={}, folder=tmp_path), tmp_path)
    with pytest.raises(StackError, match=r"kafka ended with code 3 before it was up(.|\n)*no disk"):
        child.wait_until(lambda: False, "it was up", 30)


def test_a_child_that_is_late_is_told_too(tmp_path: Path) -> None:
    child = a_child(tmp_path)
    try:
        with pytest.raises(StackError, match=r"took longer than 0\.1 s until it listened"):
            child.wait_until(lambda: False, "it listened", 0.1)
    finally:
        child.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of that")
def test_a_child_ends_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    with parent(tmp_path, SLEEPER) as process:
        pid = int(_line(process))
        assert runs(pid)
        process.kill()
    assert eventually(lambda: not runs(pid))


def test_what_a_killed_stack_left_running_is_ended_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.cli.stack.child._END_S", 0.3)
    with parent(tmp_path, DEAF) as process:  # deaf: it does not heed its parent's death
        pid = int(_line(process))
        process.kill()
    assert runs(pid)
    said: list[str] = []
    psutil.Process(pid).suspend()  # nor the first request to end
    end_leftovers(tmp_path, said.append)
    assert not runs(pid)
    assert said == ["sleeper was left running by an earlier start; ending it"]
    assert list((tmp_path / "run").iterdir()) == []


def test_a_stranger_with_the_number_of_a_dead_child_is_left_alone(tmp_path: Path) -> None:
    child = a_child(tmp_path)
    record = tmp_path / "run" / "sleeper.json"
    written = json.loads(record.read_text(encoding="utf-8"))
    child.stop()
    with subprocess.Popen(SLEEPER, stdout=subprocess.DEVNULL) as stranger:  # noqa: S603 - ours
        record.write_text(json.dumps({**written, "pid": stranger.pid}), encoding="utf-8")
        end_leftovers(tmp_path, lambda _: None)
        assert stranger.poll() is None
        stranger.kill()
    assert not record.exists()


def test_a_record_that_cannot_be_read_is_removed(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "kafka.json").write_text("{", encoding="utf-8")
    end_leftovers(tmp_path, lambda _: None)
    assert list((tmp_path / "run").iterdir()) == []


def test_ports_are_the_wanted_ones_where_they_are_free() -> None:
    base = _free_base()
    ports = Ports(base)
    assert [ports.take("kafka"), ports.take("postgres")] == [base, base + 1]


def test_a_taken_port_is_left_to_who_has_it() -> None:
    base = _free_base()
    with socket.socket() as other:
        other.bind(("127.0.0.1", base))
        other.listen()
        assert is_open(base)
        assert not is_free(base)
        assert Ports(base).take("kafka") != base


def test_no_port_is_handed_out_twice() -> None:
    ports = Ports(_free_base())
    taken = [ports.take("kafka") for _ in range(5)]
    assert len(set(taken)) == 5


def test_two_stacks_that_start_at_once_get_different_ports() -> None:
    base = _free_base()
    one, other = Ports(base), Ports(base)
    assert one.take("kafka") != other.take("kafka")


def _free_base() -> int:
    for base in range(23_000 + os.getpid() % 5000, 60_000, 10):
        if is_free(base) and is_free(base + 1):
            return base
    raise AssertionError


def parent(home: Path, command: tuple[str, ...]) -> "subprocess.Popen[str]":
    return subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", PARENT, str(home), *command], stdout=subprocess.PIPE, text=True
    )


def _line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline()
