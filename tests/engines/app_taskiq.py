"""The conformance cases' jobs on taskiq. Its own command line's worker runs `broker`."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from taskiq import SimpleRetryMiddleware, TaskiqEvents
from taskiq.kicker import AsyncKicker
from taskiq_redis import RedisStreamBroker

from shiftboss import Shiftboss
from shiftboss.engines.taskiq import TaskiqEngine, install, installing
from tests.engines.actions import ACTIONS
from tests.engines.driver import QUEUE, Driver, Worker

SETTINGS = "CONFORMANCE_TASKIQ"
# A callback is retried soon.
installing.FIRST_RETRY = installing.LONGEST_RETRY = 0.1  # type: ignore[misc]


class TaskiqDriver(Driver):
    """Tasks of a broker on Redis streams.

    Args:
        url: Where the batches live.
        broker: Where the messages are.
        **options: The broker's.
    """

    def __init__(self, url: str, broker: str, **options: Any) -> None:
        super().__init__()
        self._settings: dict[str, Any] = {"url": url, "broker": broker, **options}
        # From the beginning of the stream: what is sent before a worker is there is for it, too.
        self.broker = RedisStreamBroker(broker, queue_name=QUEUE, consumer_id="0", xread_block=100, **options)
        self.broker.add_middlewares(SimpleRetryMiddleware())
        self.client = install(self.broker, Shiftboss(url, engine=TaskiqEngine(self.broker)))
        self.tasks = {
            name: self.broker.register_task(
                action, task_name=f"conformance.{name}", retry_on_error=retries > 0, max_retries=retries + 1
            )
            for name, (action, retries) in ACTIONS.items()
        }
        for action, _ in ACTIONS.values():
            # taskiq renames them; the drivers of other engines in this process find them by their names.
            action.__name__ = action.__name__.removesuffix("__taskiq_original")
            action.__qualname__ = action.__qualname__.removesuffix("__taskiq_original")
        self.fire_schedule()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._nudged = 0.0

    def push(self, name: str, *args: Any, delay: float | None = None) -> str:
        kicker = self.tasks[name].kicker()
        return self._wait_for(self._kiq(kicker if delay is None else kicker.with_labels(delay=delay), args))

    def push_many(self, name: str, rows: Sequence[Sequence[Any]]) -> list[str]:
        return [self.push(name, *row) for row in rows]

    def push_by_name(self, name: str, *args: Any) -> str:
        return self._wait_for(self._kiq(AsyncKicker(f"conformance.{name}", self.broker, {}), args))

    def start(self, log: Path) -> Worker:
        command = ["-m", "taskiq", "worker", "tests.engines.app_taskiq:broker", "--workers", "1"]
        command += ["--max-async-tasks", "8", "--max-threadpool-threads", "8", "--no-configure-logging"]
        worker = Worker(command, {SETTINGS: json.dumps(self._settings)}, log)
        return worker.until(lambda: log.exists() and "the worker is listening" in log.read_text())

    def bury(self) -> None:
        """Nothing: what is not acknowledged is claimed by another worker after the broker's idle timeout."""

    def nudge(self) -> bool:
        """Send a message: a worker looks for what nobody acknowledged only after it has got something new."""
        if time.monotonic() > self._nudged + 0.3:
            self._nudged = time.monotonic()
            self.push("note", "nudge", "the broker")
        return True

    async def _kiq(self, kicker: Any, args: Sequence[Any]) -> str:
        return str((await kicker.kiq(*args)).task_id)

    def _wait_for(self, coroutine: Any) -> Any:
        """Run a coroutine on the broker's loop from this thread, in the context of this thread."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._running_loop()).result(20)

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        engine: Any = self.client.engine
        if self.broker.is_worker_process:
            return engine._loop_for_threads()  # type: ignore[no-any-return]
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=self._loop.run_forever, daemon=True).start()
            asyncio.run_coroutine_threadsafe(self.broker.startup(), self._loop).result(20)
        return self._loop


if SETTINGS in os.environ:
    broker = TaskiqDriver(**json.loads(os.environ[SETTINGS])).broker

    @broker.on_event(TaskiqEvents.WORKER_STARTUP)
    async def tell(_: Any) -> None:
        print("the worker is listening", flush=True)
