"""The conformance cases' jobs on the built-in engine. As a program: a worker."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from redis import Redis

from shiftboss import Shiftboss, job
from shiftboss.engines.sidekiq.worker import Worker as SidekiqWorker
from shiftboss.jobs import Message
from tests.engines.actions import ACTIONS
from tests.engines.driver import QUEUE, Driver, Worker

JOBS = {
    name: job(name=f"conformance.{name}", queue=QUEUE, retry=retries)(action)
    for name, (action, retries) in ACTIONS.items()
}


class SidekiqDriver(Driver):
    """Jobs of the built-in worker. Its retries would take 15 seconds and more; a thread makes them due at once."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
        self.client = Shiftboss(url)
        self.fire_schedule()
        self.raw = Redis.from_url(url, decode_responses=True)
        self._stopped = threading.Event()

    def push(self, name: str, *args: Any, delay: float | None = None) -> str:
        with self.client:
            return str(JOBS[name].perform_async(*args) if delay is None else JOBS[name].perform_in(delay, *args))

    def push_many(self, name: str, rows: Sequence[Sequence[Any]]) -> list[str]:
        with self.client:
            return [str(jid) for jid in JOBS[name].perform_bulk(rows)]

    def push_by_name(self, name: str, *args: Any) -> str:
        message = Message(f"conformance.{name}", args, QUEUE, os.urandom(12).hex())
        self.client.perform(self.client.push([message]))
        return message.id

    def start(self, log: Path) -> Worker:
        before = self.raw.scard("processes")
        worker = Worker(["-m", "tests.engines.app_sidekiq"], {"SHIFTBOSS_URL": self.url}, log)
        return worker.until(lambda: self.raw.scard("processes") != before)

    def bury(self) -> None:
        for name in self.raw.smembers("processes"):  # type: ignore[union-attr]
            self.raw.delete(name)

    def hurry(self) -> None:
        """Make retries due, from now on."""
        threading.Thread(target=self._hurry, name="hurry", daemon=True).start()

    def close(self) -> None:
        self._stopped.set()

    def _hurry(self) -> None:
        while not self._stopped.wait(0.02):
            for payload in self.raw.zrange("retry", 0, -1):  # type: ignore[union-attr]
                self.raw.zadd("retry", {payload: 0}, xx=True)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    driver = SidekiqDriver(os.environ["SHIFTBOSS_URL"])
    SidekiqWorker(driver.client, queues=[QUEUE, "default"], concurrency=4, timeout=2.0).run()
