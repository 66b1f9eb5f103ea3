"""The conformance cases' jobs on Celery. As a program: a prefork worker."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from celery import Celery, group
from redis import Redis

from shiftboss import Shiftboss
from shiftboss.engines.celery import CeleryEngine, install
from tests.engines import celery_actions
from tests.engines.actions import ACTIONS
from tests.engines.driver import QUEUE, Driver, Worker
from tests.waiting import wait_until

SETTINGS = "CONFORMANCE_CELERY"


class CeleryDriver(Driver):
    """Tasks of a Celery app.

    Args:
        url: Where the batches live.
        broker: Where the messages are.
        results: Where results are kept.
        **conf: Celery's settings.
    """

    def __init__(self, url: str, broker: str, results: str | None = None, **conf: Any) -> None:
        super().__init__()
        self._settings: dict[str, Any] = {"url": url, "broker": broker, "results": results, **conf}
        self.app = Celery("conformance", broker=broker, backend=results, set_as_current=False)
        self.app.conf.update(
            task_default_queue=QUEUE,
            broker_connection_retry_on_startup=True,
            worker_prefetch_multiplier=1,
            task_annotations={"shiftboss.batches.callback": {"default_retry_delay": 0.05}},
            **conf,
        )
        self.client = install(self.app, Shiftboss(url, engine=CeleryEngine(self.app)))
        for name, (action, retries) in ACTIONS.items():
            retrying: dict[str, Any] = {"autoretry_for": (Exception,), "default_retry_delay": 0.05} if retries else {}
            self.app.task(action, name=f"conformance.{name}", max_retries=retries, shared=False, **retrying)
        celery_actions.define(self.app)
        self.fire_schedule()

    def task(self, name: str) -> Any:
        return self.app.tasks[f"conformance.{name}"]

    def push(self, name: str, *args: Any, delay: float | None = None) -> str:
        return str(self.task(name).apply_async(args, countdown=delay).id)

    def push_many(self, name: str, rows: Sequence[Sequence[Any]]) -> list[str]:
        pushed = group(self.task(name).s(*row) for row in rows).apply_async()
        return [str(result.id) for result in pushed.results]

    def push_by_name(self, name: str, *args: Any) -> str:
        return str(self.app.send_task(f"conformance.{name}", args).id)

    def start(self, log: Path) -> Worker:
        worker = Worker(["-m", "tests.engines.app_celery"], {SETTINGS: json.dumps(self._settings)}, log)
        return worker.until(lambda: log.exists() and " ready." in log.read_text())

    def bury(self) -> None:
        """Wait for the broker's visibility timeout: a worker that starts now takes over what others held that long."""
        seconds = self._settings["broker_transport_options"]["visibility_timeout"]
        with Redis.from_url(self._settings["broker"]) as raw:
            held = raw.zcard("unacked_index")
            wait_until(lambda: raw.zcount("unacked_index", 0, time.time() - seconds) == held)


if __name__ == "__main__":
    settings = json.loads(os.environ[SETTINGS])
    driver = CeleryDriver(**settings)
    driver.app.worker_main(
        [
            "worker",
            "-Q",
            f"{QUEUE},default",
            "-c",
            "4",
            "-l",
            "INFO",
            "--without-gossip",
            "--without-mingle",
            "-n",
            f"w{os.getpid()}@%h",
        ]
    )
