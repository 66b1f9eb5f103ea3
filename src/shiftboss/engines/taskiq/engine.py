"""`TaskiqEngine`: jobs are messages of a taskiq broker."""

from __future__ import annotations

import asyncio
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
        self._lock = threading.Lock()

    def enqueue(self, messages: Sequence[Message]) -> Plan[None]:
        """Send messages, one by one; those with `at` wait in a set of ours until they are due.

        Raises:
            NotPublished: The broker is away, or refuses one; it names what was not sent.
            JobError: It is called on the event loop that would have to send them meanwhile.
        """
        yield from work(partial(self._send, list(messages)))

    def known(self, name: str) -> KnownJob | None:
        """What this process knows of a task by its name: its queue, and whether it takes no arguments. No round trip."""
        task = type(self.broker).find_task(self.broker, name)
        if task is None:
            return None
        return KnownJob.of(name, task.original_func, str(task.labels.get("queue_name") or own_queue(self.broker)))

    def runs_on(self, loop: asyncio.AbstractEventLoop) -> None:
        """Remember the event loop on which the broker's connections live."""
        self._loop = loop

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

    def _send(self, messages: Sequence[Message]) -> None:
        """From a thread: have the broker's event loop send them, and wait for that."""
        loop = self._loop_for_threads()
        try:
            here: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            here = None
        if here is loop:
            raise JobError("tasks are sent by the event loop, which waits here; use: async with batch.jobs()")
        asyncio.run_coroutine_threadsafe(self._send_all(messages), loop).result()

    def _loop_for_threads(self) -> asyncio.AbstractEventLoop:
        """The broker's event loop; where none runs, one of our own in a thread."""
        with self._lock:
            if self._loop is None or not self._loop.is_running():
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="shiftboss-taskiq", daemon=True).start()
            return self._loop
