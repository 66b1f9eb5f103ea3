"""What a conformance case asks of an engine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

from shiftboss import periodic
from shiftboss.client import Shiftboss
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
QUEUE = "work"
SCHEDULE = "CONFORMANCE_SCHEDULE"
_current: list[Driver] = []


def current_driver() -> Driver:
    """The driver of the process that a job runs in."""
    return _current[-1]


class Worker:
    """A worker in processes of its own, which end together."""

    def __init__(self, command: Sequence[str], environment: dict[str, str], log: Path) -> None:
        self.log = log
        with log.open("a") as output:
            self._process = subprocess.Popen(
                [sys.executable, *command],
                stdout=output,
                stderr=output,
                cwd=ROOT,
                env={
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
                    **environment,
                },
                start_new_session=True,
            )

    def until(self, ready: Callable[[], bool]) -> Self:
        """Wait until it serves, or has ended. One that does neither in time is killed: it would take the jobs of other tests."""
        try:
            wait_until(lambda: ready() or not self.alive, timeout=45, what="a worker")
        except BaseException:
            self.kill()
            raise
        return self

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """SIGKILL, all of them."""
        if self.alive:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """SIGTERM, and SIGKILL for what does not end."""
        if self.alive:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self.kill()


class Driver(ABC):
    """An engine under test. In worker processes it only pushes."""

    client: Shiftboss

    def __init__(self) -> None:
        _current.append(self)

    def fire_schedule(self) -> None:
        """Say that workers fire the schedule of the case, if it has one."""
        if os.environ.get(SCHEDULE):
            periodic.fire_in_workers(os.environ[SCHEDULE], client=self.client)

    def name_of(self, name: str) -> str:
        """What the engine calls a job."""
        return f"conformance.{name}"

    @abstractmethod
    def push(self, name: str, *args: Any, delay: float | None = None) -> str:
        """Push one job, as users of the engine do; its id."""

    @abstractmethod
    def push_many(self, name: str, rows: Sequence[Sequence[Any]]) -> list[str]:
        """Push many at once."""

    @abstractmethod
    def push_by_name(self, name: str, *args: Any) -> str:
        """Push a job that may not be defined here."""

    @abstractmethod
    def start(self, log: Path) -> Worker:
        """Start a worker and wait until it serves."""

    def nudge(self) -> bool:
        """Give workers a reason to look for what a killed one held; whether they need one."""
        return False

    @abstractmethod
    def bury(self) -> None:
        """Let everybody know now, rather than after a timeout, that a killed worker is dead."""
