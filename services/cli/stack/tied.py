"""Becomes another program that ends when its parent does: `tied.py PARENT SIGNAL UID GID CMD…`.

Run as a script of its own, not imported: what it changes (the user, the signal on the parent's
death) has to happen between fork and exec, where a process with threads may not run Python.
"""

import ctypes
import os
import signal
import sys

_SET_PARENT_DEATH_SIGNAL = 1
_GONE = 113


def become(parent: int, death_signal: int, uid: int, gid: int, command: list[str]) -> None:
    """Take the user `uid` (-1: stay), die with `parent`, run `command`; does not return."""
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_SET_PARENT_DEATH_SIGNAL, death_signal, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(_GONE)  # it had ended before the kernel knew that we depend on it
    # A terminal's Ctrl-C is for the parent, which stops its children in order.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.execvp(command[0], command)  # noqa: S606 - a list of arguments, no shell


if __name__ == "__main__":
    _parent, _signal, _uid, _gid = map(int, sys.argv[1:5])
    become(_parent, _signal, _uid, _gid, sys.argv[5:])
