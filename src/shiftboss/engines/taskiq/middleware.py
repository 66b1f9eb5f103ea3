"""`ShiftbossMiddleware`: tells batches how tasks ended, and looks after what is due and what was left behind."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError
from taskiq import TaskiqMessage, TaskiqMiddleware, TaskiqResult

from shiftboss import keys
from shiftboss.engines.taskiq.messages import arrived
from shiftboss.engines.taskiq.running import Run, current_run, put_back
from shiftboss.jobs import CurrentJob, Outcome, running
from shiftboss.outbox import claim, strike_off
from shiftboss.plan import run, run_many
from shiftboss.reporting import telling, wanting
from shiftboss.watch import watch_of

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss
    from shiftboss.engines.taskiq.engine import TaskiqEngine

log = logging.getLogger("shiftboss.taskiq")
# Seconds between two looks for messages that are due, and for the last reports at a stop.
LOOK, LAST = 0.5, 5.0
# Milliseconds that a worker has for sending what it took, before another may; and how many it takes at once.
LEASE, PAGE = 30_000, 100


class ShiftbossMiddleware(TaskiqMiddleware):
    """Use `install`, which adds it.

    Args:
        client: Where the batches live.
        engine: What sends again what is put back.
    """

    def __init__(self, client: Shiftboss, engine: TaskiqEngine) -> None:
        super().__init__()
        self._client = client
        self._engine = engine
        self._looking: asyncio.Task[None] | None = None

    async def startup(self) -> None:
        """In a worker: look after what is due, and after what killed workers left."""
        self._engine.runs_on(asyncio.get_running_loop())
        if self.broker.is_worker_process:
            self._looking = asyncio.create_task(self._look())
            watch_of(self._client).start()

    async def shutdown(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            with suppress(asyncio.CancelledError):
                await self._looking
            await asyncio.to_thread(watch_of(self._client).stop, LAST)
        await self._client.aclose()

    async def pre_execute(self, message: TaskiqMessage) -> TaskiqMessage:
        ours = arrived(self.broker, message)
        one = Run(ours, message, wanted=await self._client.aperform(wanting(self._client, ours)))
        one.stack.callback(current_run.reset, current_run.set(one))
        one.stack.enter_context(self._client)
        one.stack.enter_context(running(CurrentJob(ours.id, ours.queue, ours, ours.attempt)))
        return message

    async def post_execute(self, message: TaskiqMessage, result: TaskiqResult[Any]) -> None:
        """Say how it ended. What is raised here keeps the message from being acknowledged: it comes again."""
        one = current_run.get()
        if one is None or one.theirs.task_id != message.task_id:
            return
        one.stack.close()
        if one.later is not None:
            await put_back(self._engine, one, one.later)
        elif one.message.batch is not None:
            outcome, error = _outcome(one, result), one.error or result.error
            await self._client.aperform(telling(self._client, one.message, outcome, error))

    async def _look(self) -> None:
        """Send what is due, as long as the worker lives."""
        later = keys.later(self._client.namespace, "taskiq")
        while True:
            try:
                due = await self._client.aperform(run(claim(later, LEASE, PAGE, 0)))
                for raw in due:
                    await self._engine.kick(TaskiqMessage.model_validate_json(raw))
                if due:
                    await self._client.aperform(run_many([strike_off(later, raw) for raw in due]))
            except (RedisError, OSError) as error:
                log.warning("messages that are due wait while Redis is away: %s", error)
            except Exception:
                log.exception("messages that are due could not be sent; trying again")
            await asyncio.sleep(LOOK)


def _outcome(one: Run, result: TaskiqResult[Any]) -> Outcome:
    if not result.is_err:
        return Outcome.SUCCEEDED
    return Outcome.FAILED if one.again else Outcome.DIED
