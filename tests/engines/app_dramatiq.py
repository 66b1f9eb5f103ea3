"""The conformance cases' jobs on Dramatiq. As a program: its own command line's worker."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from redis import Redis

from shiftboss import Shiftboss
from shiftboss.engines.dramatiq import DramatiqEngine, install
from tests.engines.actions import ACTIONS
from tests.engines.driver import QUEUE, Driver, Worker

SETTINGS = "CONFORMANCE_DRAMATIQ"


class DramatiqDriver(Driver):
    """Actors of a Dramatiq broker.

    Args:
        url: Where the batches live.
        broker: Where the messages are.
        **options: The broker's.
    """

    def __init__(self, url: str, broker: str, **options: Any) -> None:
        super().__init__()
        self._settings: dict[str, Any] = {"url": url, "broker": broker, **options}
        if broker.startswith("amqp:"):
            from dramatiq.brokers.rabbitmq import RabbitmqBroker

            self.broker: dramatiq.Broker = RabbitmqBroker(url=broker, **options)
        else:
            self.broker = RedisBroker(url=broker, **options)
        self.client = install(self.broker, Shiftboss(url, engine=DramatiqEngine(self.broker)))
        self.broker.actors["shiftboss.batches.callback"].options.update(min_backoff=50, max_backoff=50)
        self.actors = {
            name: dramatiq.actor(
                broker=self.broker,
                actor_name=f"conformance.{name}",
                queue_name=QUEUE,
                max_retries=retries,
                min_backoff=50,
                max_backoff=50,
            )(action)
            for name, (action, retries) in ACTIONS.items()
        }
        self.fire_schedule()

    def push(self, name: str, *args: Any, delay: float | None = None) -> str:
        if delay is None:
            return self.actors[name].send(*args).message_id
        return self.actors[name].send_with_options(args=args, delay=round(delay * 1000)).message_id

    def push_many(self, name: str, rows: Sequence[Sequence[Any]]) -> list[str]:
        pushed = dramatiq.group([self.actors[name].message(*row) for row in rows], broker=self.broker).run()
        return [message.message_id for message in pushed.children]

    def push_by_name(self, name: str, *args: Any) -> str:
        message: dramatiq.Message[Any] = dramatiq.Message(QUEUE, f"conformance.{name}", args, {}, {})
        return self.broker.enqueue(message).message_id

    def start(self, log: Path) -> Worker:
        command = ["-m", "dramatiq", "tests.engines.app_dramatiq:broker", "-p", "1", "-t", "4", "-Q", QUEUE, "default"]
        worker = Worker(command, {SETTINGS: json.dumps(self._settings)}, log)
        return worker.until(lambda: log.exists() and "Worker process is ready for action." in log.read_text())

    def bury(self) -> None:
        """Make all heartbeats old: the next command of a worker gives the dead one's messages back."""
        with Redis.from_url(self._settings["broker"]) as raw:
            for name in raw.zrange("dramatiq:__heartbeats__", 0, -1):  # type: ignore[union-attr]
                raw.zadd("dramatiq:__heartbeats__", {name: 0})


if SETTINGS in os.environ:
    broker = DramatiqDriver(**json.loads(os.environ[SETTINGS])).broker
