"""Two real `shiftboss worker` processes, either of which may be killed at any moment and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.backends import Backend
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]


class Fleet:
    """So many worker processes, by number.

    Args:
        backend: The server.
        log: What they print goes there.
        *arguments: Of `shiftboss worker`, beside the address.
        size: How many.
    """

    def __init__(self, backend: Backend, log: Path, *arguments: str, size: int = 2) -> None:
        self._backend = backend
        self._log = log
        self._arguments = arguments
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._size = size

    def start(self, number: int) -> None:
        """Start one and return at once: it may be killed before it is up."""
        command = [sys.executable, "-m", "shiftboss.cli", "worker", "--redis", self._backend.url, *self._arguments]
        with self._log.open("ab") as log:
            self._processes[number] = subprocess.Popen(
                command, cwd=ROOT, stdout=log, stderr=log, env={**os.environ, "PYTHONPATH": str(ROOT)}
            )

    def kill(self, number: int) -> int:
        """SIGKILL one; its process id, once it is gone."""
        process = self._processes.pop(number)
        assert process.poll() is None, f"a worker ended by itself, with {process.returncode}; see {self._log}"
        process.kill()
        process.wait()
        return process.pid

    def freeze(self, number: int) -> int:
        """SIGSTOP one; its process id."""
        process = self._processes[number]
        process.send_signal(signal.SIGSTOP)
        return process.pid

    def thaw(self, number: int) -> None:
        """Let a frozen one go on."""
        self._processes[number].send_signal(signal.SIGCONT)

    def number_of(self, pid: int) -> int:
        """Which one has this process id."""
        return next(number for number, process in self._processes.items() if process.pid == pid)

    def silence(self, pid: int) -> None:
        """Let the heartbeat of a dead process run out at once, which takes a minute otherwise."""
        for name in self._backend.raw.smembers("processes"):
            if f":{pid}:" in name:
                self._backend.raw.delete(name)

    def live(self) -> bool:
        """Whether the processes that may hold jobs are exactly those that live."""
        pids = sorted(int(name.split(":")[1]) for name in self._backend.raw.smembers("sb:workers"))
        return pids == sorted(process.pid for process in self._processes.values())

    def stop(self) -> None:
        """TERM all, and expect a clean end."""
        for process in self._processes.values():
            process.terminate()
        codes = [process.wait(30) for process in self._processes.values()]
        self._processes.clear()
        assert set(codes) == {0}, f"the workers ended with {codes}; see {self._log}"

    def __enter__(self) -> Self:
        for number in range(self._size):
            self.start(number)
        wait_until(self.live, 30, "the workers to be up")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()
        if error is not None and self._log.exists():
            print(self._log.read_text(errors="replace")[-4_000:])
