"""`TaskiqEngine`: jobs are messages of a taskiq broker."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from taskiq import AsyncBroker, TaskiqMessage

from shiftboss.engine import KnownJob, NotPublished
from shiftboss.engines.taskiq.messages import own_queue, to_theirs
from shiftboss.errors import JobError
from shiftboss.jobs import Message
from shiftboss.later import put_off
from shiftboss.plan import Plan, run, work

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss


class TaskiqEngine:
    """The side of the engine that sends.

    Args:
        broker: The broker. Its tasks take part once `install` was called.

    Example:
        >>> from shiftboss import Shiftboss
        >>> from taskiq import InMemoryBroker
        >>> client = Shiftboss("fake://doc", engine=TaskiqEngine(InMemoryBroker()))
    """

    name = "taskiq"
    joins_batches = False

    def __init__(self, broker: AsyncBroker) -> None:
        self.broker = broker
        self.client: Shiftboss | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._own_loop: asyncio.AbstractEventLoop | None = None
        self._pid, self._lock = os.getpid(), threading.Lock()

    def enqueue(self, messages: Sequence[Message]) -> Plan[None]:
        """Send messages, one by one; those with `at` wait in a set of ours until they are due.

        Raises:
            NotPublished: The broker is away, or refuses one, or the event loop that would have to send them waits here; it
                names what was not sent.
        """
        # Here, for a coroutine sends from a thread, and waits for that on the loop that sends.
        yield from work(partial(self._send, list(messages), _running_loop()))

    def known(self, name: str) -> KnownJob | None:
        """What this process knows of a task by its name: its queue, and whether it takes no arguments. No round trip."""
        task = type(self.broker).find_task(self.broker, name)
        if task is None:
            return None
        return KnownJob.of(name, task.original_func, str(task.labels.get("queue_name") or own_queue(self.broker)))

    def runs_on(self, loop: asyncio.AbstractEventLoop) -> None:
        """Remember the event loop on which the broker was started."""
        self._loop, self._pid = loop, os.getpid()

    async def kick(self, theirs: TaskiqMessage) -> None:
        """The broker's own ``kick``: no feature keeps the message."""
        # The class's own method: the broker's attribute is what collects.
        await type(self.broker).kick(self.broker, self.broker.formatter.dumps(theirs))

    async def put_off(self, theirs: TaskiqMessage, at: float) -> None:
        """Keep a message until it is due, for whichever worker looks first then. One round trip."""
        if self.client is None:
            raise JobError("shiftboss does not know this taskiq broker; call install(broker)")
        await self.client.aperform(run(put_off(self.client, self.name, theirs.model_dump_json(), at)))

    def promote(self, text: str) -> None:
        """Kick a message that is due, from a thread."""
        theirs = TaskiqMessage.model_validate_json(text)
        asyncio.run_coroutine_threadsafe(self.kick(theirs), self._loop_for_threads()).result()

    async def _send_all(self, messages: Sequence[Message]) -> None:
        sent = 0
        try:
            for message in messages:
                theirs = to_theirs(self.broker, message)
                if message.at is not None and message.at > time.time():
                    await self.put_off(theirs, message.at)
                else:
                    await self.kick(theirs)
                sent += 1
        except Exception as error:
            left = [message.id for message in messages[sent:]]
            raise NotPublished(f"{len(left)} of {len(messages)} messages were not sent: {error}", left) from error

    def _send(self, messages: Sequence[Message], loop: asyncio.AbstractEventLoop | None) -> None:
        """From a thread: have an event loop send them, and wait for that."""
        ids = [message.id for message in messages]
        if loop is not None and loop is _running_loop():
            raise NotPublished("tasks are sent by the event loop, which waits here; use: async with batch.jobs()", ids)
        if self._is_parents():
            raise NotPublished(
                "this process was forked when its taskiq broker had connections; make the broker after the fork", ids
            )
        asyncio.run_coroutine_threadsafe(self._send_all(messages), loop or self._loop_for_threads()).result()

    def _is_parents(self) -> bool:
        """Whether the broker's connections are those of the process that this one was forked from. To use them would take them
        away from it.
        """
        return self._pid != os.getpid() and (self._loop or self._own_loop) is not None

    def _loop_for_threads(self) -> asyncio.AbstractEventLoop:
        """The broker's event loop; where none runs, one of our own in a thread, always the same: connections of the broker
        live on it.
        """
        loop = self._loop
        if loop is not None and loop.is_running():
            return loop
        with self._lock:
            if self._own_loop is None:
                self._own_loop, self._pid = asyncio.new_event_loop(), os.getpid()
                threading.Thread(target=self._own_loop.run_forever, name="shiftboss-taskiq", daemon=True).start()
            return self._own_loop


def _running_loop() -> asyncio.AbstractEventLoop | None:
    """The event loop that runs on this thread, if one does."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
