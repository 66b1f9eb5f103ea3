"""The conformance cases' jobs on RQ. Its worker is started by its own command line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from redis import Redis
from rq import Retry
from rq.registry import StartedJobRegistry

from shiftboss import Shiftboss
from shiftboss.engines.rq import RqEngine, ShiftbossJob, ShiftbossQueue, ShiftbossWorker, engine, install, installing
from tests.engines.actions import ACTIONS
from tests.engines.driver import QUEUE, Driver, Worker

REDIS = "CONFORMANCE_RQ"
WORKERS = 4
# A callback is retried soon.
engine.CALLBACK_INTERVALS[:] = [1] * len(engine.CALLBACK_INTERVALS)


class RqDriver(Driver):
    """Functions in RQ's queues; the batches live on the same Redis.

    Args:
        url: RQ's Redis.
    """

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        self.connection = Redis.from_url(url)
        known = installing._clients.get(installing.label_of(self.connection))
        self.client = known or install(self.connection, Shiftboss(url, engine=RqEngine(self.connection)))
        self.queue = ShiftbossQueue(QUEUE, connection=self.connection)
        self.fire_schedule()

    def name_of(self, name: str) -> str:
        return f"tests.engines.actions.{name}"

    def push(self, name: str, *args: Any, delay: float | None = None) -> str:
        if delay is None:
            return self.queue.enqueue(ACTIONS[name][0], *args, retry=self._retry(name)).id
        when = datetime.now(UTC) + timedelta(seconds=delay)
        return self.queue.enqueue_at(when, ACTIONS[name][0], *args, retry=self._retry(name)).id

    def push_many(self, name: str, rows: Sequence[Sequence[Any]]) -> list[str]:
        data = [ShiftbossQueue.prepare_data(ACTIONS[name][0], args=tuple(row), retry=self._retry(name)) for row in rows]
        return [job.id for job in self.queue.enqueue_many(data)]

    def push_by_name(self, name: str, *args: Any) -> str:
        return self.queue.enqueue(self.name_of(name), *args).id

    def start(self, log: Path) -> Worker:
        """As many workers as the other engines have threads: one of RQ's runs one job at a time."""
        worker = Worker(["-m", __name__], {REDIS: self._url}, log)
        return worker.until(lambda: log.exists() and log.read_text().count("Listening on") >= WORKERS)

    def bury(self) -> None:
        """Let the leases of what runs end, and clean up as a worker does from time to time."""
        registry = StartedJobRegistry(QUEUE, connection=self.connection, job_class=ShiftbossJob)
        for name in self.connection.zrange(registry.key, 0, -1):  # type: ignore[union-attr]
            self.connection.zadd(registry.key, {name: 1})
        registry.cleanup()
        for lock in self.connection.scan_iter("rq:scheduler-lock:*"):
            self.connection.delete(lock)

    def _retry(self, name: str) -> Retry | None:
        retries = ACTIONS[name][1]
        return Retry(max=retries) if retries else None


class ConformanceWorker(ShiftbossWorker):
    """With a driver for jobs that push more."""

    def work(self, *args: Any, **options: Any) -> bool:
        RqDriver(os.environ[REDIS])
        return super().work(*args, **options)


def main() -> None:
    """Run workers by RQ's own command line until they are told to end."""
    rq = [str(Path(sys.executable).with_name("rq")), "worker", "--url", os.environ[REDIS], "--with-scheduler"]
    workers = [
        subprocess.Popen([*rq, "-w", "tests.engines.app_rq.ConformanceWorker", QUEUE, "default"])
        for _ in range(WORKERS)
    ]
    signal.signal(signal.SIGTERM, lambda *_: [worker.terminate() for worker in workers])
    for worker in workers:
        worker.wait()


if __name__ == "__main__":
    main()
