"""`ShiftbossMiddleware`: tells batches how tasks ended, and looks after what is due and what was left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from taskiq import TaskiqMessage, TaskiqMiddleware, TaskiqResult
from taskiq.exceptions import NoResultError

from shiftboss.engines.taskiq.messages import arrived
from shiftboss.engines.taskiq.running import Run, current_run, put_back
from shiftboss.errors import ConfigError
from shiftboss.jobs import CurrentJob, Outcome, running
from shiftboss.later import Promoter
from shiftboss.reporting import letting_go, starting, telling
from shiftboss.watch import watch_of

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss
    from shiftboss.engines.taskiq.engine import TaskiqEngine

# Seconds between two looks for messages that are due, and for the last reports at a stop.
LOOK, LAST = 0.5, 5.0


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

    async def startup(self) -> None:
        """In a worker: look after what is due, and after what killed workers left.

        Raises:
            ConfigError: A middleware has the scheduler retry tasks without a sign that it does.
        """
        _check(self.broker.middlewares)
        self._engine.runs_on(asyncio.get_running_loop())
        if self.broker.is_worker_process:
            watch_of(self._client).serve(Promoter(self._client, self._engine.name, self._engine.promote, LOOK))

    async def shutdown(self) -> None:
        if self.broker.is_worker_process:
            await asyncio.to_thread(watch_of(self._client).stop, LAST)
        await self._client.aclose()

    async def pre_execute(self, message: TaskiqMessage) -> TaskiqMessage:
        ours = arrived(self.broker, message)
        one = Run(ours, message, wanted=await self._client.aperform(starting(self._client, ours)))
        one.stack.callback(current_run.reset, current_run.set(one))
        one.stack.enter_context(self._client)
        one.stack.enter_context(running(CurrentJob(ours.id, ours.queue, ours, ours.attempt)))
        return message

    async def on_error(
        self,
        message: TaskiqMessage,
        result: TaskiqResult[Any],  # noqa: ARG002
        exception: BaseException,
    ) -> None:
        """Remember what it failed with, which a retry takes out of the result."""
        one = current_run.get()
        if one is not None and one.theirs.task_id == message.task_id:
            one.error = exception

    async def post_execute(self, message: TaskiqMessage, result: TaskiqResult[Any]) -> None:
        """Say how it ended. What is raised here keeps the message from being acknowledged: it comes again."""
        one = current_run.get()
        if one is None or one.theirs.task_id != message.task_id:
            return
        one.stack.close()
        if one.later is not None:
            await self._client.aperform(letting_go(self._client, one.message))
            await put_back(self._engine, one, one.later)
        elif one.message.batch is not None:
            outcome, error = _outcome(one, result), one.error or result.error
            await self._client.aperform(telling(self._client, one.message, outcome, error))


def _check(middlewares: Sequence[TaskiqMiddleware]) -> None:
    for one in middlewares:
        if getattr(one, "schedule_source", None) is not None and not getattr(one, "no_result_on_retry", True):
            raise ConfigError(
                f"{type(one).__name__} with schedule_source= needs no_result_on_retry=True: nothing else tells batches of the retry"
            )


def _outcome(one: Run, result: TaskiqResult[Any]) -> Outcome:
    if not result.is_err:
        return Outcome.SUCCEEDED
    # A retry that the scheduler will send is seen by nothing but this: the error that the task raised has been taken away.
    scheduled = isinstance(result.error, NoResultError) and not isinstance(one.error, NoResultError)
    return Outcome.FAILED if one.again or scheduled else Outcome.DIED
