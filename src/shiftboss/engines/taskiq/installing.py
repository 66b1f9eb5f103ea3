"""Making a broker's tasks take part."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

from taskiq import AsyncBroker, BrokerMessage
from taskiq.exceptions import NoResultError

from shiftboss.belonging import Belonging
from shiftboss.client import Shiftboss
from shiftboss.engines.taskiq.engine import TaskiqEngine
from shiftboss.engines.taskiq.messages import FAILURES, due_of, place_of, to_message
from shiftboss.engines.taskiq.middleware import ShiftbossMiddleware
from shiftboss.engines.taskiq.running import as_job, current_run
from shiftboss.trusted import trust, trust_modules

log = logging.getLogger("shiftboss.taskiq")
RETRIES = 25
# Seconds before the first retry of a callback and the longest before one of the others; each waits twice as long.
FIRST_RETRY, LONGEST_RETRY = 15.0, 1800.0

_belonging: Belonging[AsyncBroker, TaskiqEngine] = Belonging(
    TaskiqEngine, "broker", lambda _: "this taskiq broker", kind="broker"
)


def install(broker: AsyncBroker, client: Shiftboss | None = None, *, callback_modules: Sequence[str] = ()) -> Shiftboss:
    """Let the tasks of a broker be members and callbacks of batches. Again is harmless. No round trip.

    Args:
        broker: The broker, with its other middlewares in place.
        client: Where the batches live; its engine is this broker's `TaskiqEngine`. Default the configured client, or one that
            is configured here from the environment.
        callback_modules: Modules beside those of the tasks that callbacks may live in.

    Returns:
        The client.

    Raises:
        ConfigError: The client has another engine, the broker another client, or there is no such module.
    """
    trust_modules(callback_modules)
    return _belonging.join(broker, client, _set_up)


def client_of(broker: AsyncBroker) -> Shiftboss:
    """The client that `install` was given for the broker. No round trip.

    Raises:
        ConfigError: `install` was not called.
    """
    return _belonging.client_of(broker)


def _set_up(broker: AsyncBroker, client: Shiftboss, engine: TaskiqEngine) -> None:
    engine.client = client
    broker.kick = _collecting(engine, client)  # type: ignore[method-assign, assignment]
    broker.find_task = _as_jobs(engine, client)  # type: ignore[method-assign, assignment]
    broker.add_middlewares(ShiftbossMiddleware(client, engine))
    _declare_jobs(broker, engine, client)


def _collecting(engine: TaskiqEngine, client: Shiftboss) -> Callable[[BrokerMessage], Any]:
    """``broker.kick``, which all ways to send a message end in: an open jobs block keeps it until it ends."""

    async def kick(message: BrokerMessage) -> None:
        theirs = engine.broker.formatter.loads(message.message)
        theirs.parse_labels()
        run = current_run.get()
        again = run is not None and run.theirs.task_id == theirs.task_id
        if run is not None and again:
            run.again = True
        if again or place_of(theirs) is not None:
            # It is no new job, and its delay is a retry's. It keeps the label, of which the next retry's delay is made.
            at = due_of(theirs)
            if at is not None and at > time.time():
                await engine.put_off(theirs, at)
                return
        else:
            left = await client.aperform(client.pushing([to_message(engine.broker, theirs)]))
            if not left:
                return
            if left[0].at is not None:
                await client.aperform(engine.enqueue(left))
                return
        await type(engine.broker).kick(engine.broker, message)

    return kick


def _as_jobs(engine: TaskiqEngine, client: Shiftboss) -> Callable[[str], Any]:
    """``broker.find_task``, by which a worker finds what to run: the same task, whose function runs as a job."""
    found: dict[str, _Task] = {}

    def find_task(name: str) -> Any:
        task = type(engine.broker).find_task(engine.broker, name)
        if task is None:
            return None
        if name not in found or found[name].task is not task:
            trust(getattr(task.original_func, "__module__", None) or name)
            found[name] = _Task(task, as_job(client, task.original_func))
        return found[name]

    return find_task


class _Task:
    """A task with another function."""

    def __init__(self, task: Any, function: Callable[..., Any]) -> None:
        self.task = task
        self.original_func = function

    def __getattr__(self, name: str) -> Any:
        return getattr(self.task, name)


def _declare_jobs(broker: AsyncBroker, engine: TaskiqEngine, client: Shiftboss) -> None:
    """Make tasks of the jobs that features bring along, a batch's callbacks above all."""
    for extension in client.extensions.values():
        for name, body in extension.jobs.items():
            if type(broker).find_task(broker, name) is None:
                broker.register_task(_carrying(engine, body), task_name=name)


def _carrying(engine: TaskiqEngine, body: Callable[..., Any]) -> Callable[..., Any]:
    """A task for such a job. It is retried by us, for a broker may have no retries."""

    async def run(*args: Any) -> None:
        try:
            await asyncio.to_thread(body, *args)
        except Exception as error:
            one = current_run.get()
            if one is None or one.message.attempt >= RETRIES:
                raise
            pause = min(FIRST_RETRY * 2**one.message.attempt, LONGEST_RETRY)
            log.warning("%s failed and runs again in %.0f s: %r", one.message.name, pause, error)
            labels = {**one.theirs.labels, FAILURES: one.message.attempt + 1}
            await engine.put_off(one.theirs.model_copy(update={"labels": labels}), time.time() + pause)
            one.again = True
            raise NoResultError from error

    return run
