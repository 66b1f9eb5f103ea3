"""Workers for the tests, in this process and in processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shiftboss.client import Shiftboss
from shiftboss.engines.sidekiq.worker import Worker
from tests.backends import Backend
from tests.integration.worker import jobs
from tests.waiting import wait_until


@pytest.fixture(autouse=True)
def fresh_jobs() -> Iterator[None]:
    """Nothing is left of the jobs of another test, and none of this one goes on waiting."""
    jobs.reset()
    yield
    jobs.gate.set()


@pytest.fixture
def start(client: Shiftboss) -> Iterator[Callable[..., Worker]]:
    """Starts workers on the client, and stops them."""
    workers: list[Worker] = []

    def make(*queues: Any, **options: Any) -> Worker:
        on = options.pop("client", client)
        worker = Worker(on, queues or ["default"], **{"concurrency": 4, "timeout": 5.0, **options})
        workers.append(worker)
        worker.start()
        return worker

    yield make
    jobs.gate.set()
    for worker in workers:
        worker.stop()


@dataclass
class Process:
    """A worker in a process of its own."""

    popen: subprocess.Popen[str]
    notes: Path

    def lines(self) -> list[str]:
        """What its jobs wrote."""
        return self.notes.read_text().splitlines() if self.notes.exists() else []

    def send(self, number: signal.Signals) -> None:
        self.popen.send_signal(number)

    def wait(self) -> int:
        """Its exit code."""
        return self.popen.wait(20)

    def kill(self) -> None:
        self.popen.kill()
        self.popen.wait()


@pytest.fixture
def spawn(backend: Backend, tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Starts worker processes on the backend and waits until they are listed."""
    processes: list[Process] = []

    def make(timeout: float = 5.0, concurrency: int = 2) -> Process:
        program = Path(__file__).with_name("program.py")
        arguments = [sys.executable, str(program), backend.url, str(timeout), str(concurrency)]
        root = str(Path(__file__).parents[3])
        with (tmp_path / "log").open("a") as output:
            popen = subprocess.Popen(arguments, stderr=output, text=True, env={**os.environ, "PYTHONPATH": root})
        process = Process(popen, tmp_path / "notes")
        processes.append(process)
        listed = lambda: any(f":{popen.pid}:" in name for name in backend.raw.smembers("processes"))  # noqa: E731
        wait_until(listed, what="the process to be listed")
        return process

    yield make
    for process in processes:
        process.kill()


@pytest.fixture
def log_of(tmp_path: Path) -> Callable[[], str]:
    """What the processes logged."""
    return (tmp_path / "log").read_text
