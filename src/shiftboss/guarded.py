"""A child process that dies with us, however we die.

A watchdog, a small shell, starts the program and reads from a pipe whose only writing end we hold: its lifeline. The kernel
closes that end when we die, even by SIGKILL; the watchdog then kills the program and cleans up. (PR_SET_PDEATHSIG would be
Linux only, and it fires when the *thread* that started the program ends.)
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

STOP_TIMEOUT = 5.0

# Descriptor 3, because a shell gives background commands /dev/null as their standard input. Signals from a terminal or a
# service manager are for us to act on: the program has to be there until we have stopped gracefully. SIGKILL, because there
# is nothing to save, and a frozen program heeds nothing else.
_WATCHDOG = """
trap '' HUP INT TERM
exec 3<&0 </dev/null
directory=$1
shift
"$@" 3<&- &
program=$!
exec >/dev/null 2>&1
( while read -r line <&3; do :; done; kill -9 "$program" ) &
reader=$!
wait "$program"
status=$?
kill -9 "$reader"
wait "$reader"
[ -z "$directory" ] || rm -rf "$directory"
exit "$status"
"""


class GuardedProcess:
    """A program that is killed as soon as the process that started it ends.

    Not before: a forked child that ends changes nothing, and one that lives on keeps nothing alive.

    Args:
        command: The program and its arguments. What it prints is kept for `last_words`.
        directory: A directory to remove once the program has ended; None to remove nothing.

    Raises:
        OSError: The watchdog could not be started.
    """

    def __init__(self, command: Sequence[str], directory: Path | None = None) -> None:
        self._owner = os.getpid()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (closed by stop)
        read_end, self._lifeline = _lifelines.open()
        try:
            self._process = subprocess.Popen(  # noqa: S603 (the command is ours)
                ["/bin/sh", "-c", _WATCHDOG, "shiftboss-watchdog", str(directory or ""), *command],
                stdin=read_end,
                stdout=self._log,
                stderr=subprocess.STDOUT,
                cwd="/",
                env={**os.environ, "LC_ALL": "C"},  # Redis 7 refuses to start under a locale the machine does not have
                start_new_session=True,
            )
        except OSError:
            _lifelines.close(self._lifeline)
            self._log.close()
            raise
        finally:
            os.close(read_end)

    @property
    def owned(self) -> bool:
        """Whether this process started it; False in a forked child."""
        return self._owner == os.getpid()

    @property
    def running(self) -> bool:
        """Whether it lives. In a forked child: whether it was seen alive before the fork."""
        return self._process.returncode is None and (not self.owned or self._process.poll() is None)

    def last_words(self) -> str:
        """The last line the program printed, for an error message."""
        size = os.fstat(self._log.fileno()).st_size
        text = os.pread(self._log.fileno(), 4096, max(0, size - 4096)).decode(errors="replace")
        return text.rstrip().rsplit("\n", 1)[-1]

    def stop(self) -> None:
        """Kill the program and wait until it is gone. Safe to repeat; does nothing in a forked child.

        Raises:
            subprocess.TimeoutExpired: It would not go, which only a hung system call can cause.
        """
        if self.owned and not self._log.closed:
            _lifelines.close(self._lifeline)
            self._process.wait(STOP_TIMEOUT)
            self._log.close()


class _Lifelines:
    """The writing ends this process holds. A forked child lets go of them, or it would keep the programs alive."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._write_ends: set[int] = set()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=self._before, after_in_parent=self._in_parent, after_in_child=self._in_child)

    def open(self) -> tuple[int, int]:
        with self.lock:
            read_end, write_end = os.pipe()  # both are closed by exec
            self._write_ends.add(write_end)
        return read_end, write_end

    def close(self, write_end: int) -> None:
        with self.lock:
            if write_end in self._write_ends:
                self._write_ends.remove(write_end)
                os.close(write_end)

    def _before(self) -> None:
        self.lock.acquire()

    def _in_parent(self) -> None:
        self.lock.release()

    def _in_child(self) -> None:
        self.lock = threading.RLock()
        while self._write_ends:
            os.close(self._write_ends.pop())


_lifelines = _Lifelines()


def fork_lock() -> threading.RLock:
    """The lock a fork waits for: what is done under it, a forked child sees either not begun or finished."""
    return _lifelines.lock
