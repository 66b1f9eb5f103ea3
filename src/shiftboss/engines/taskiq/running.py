"""A task's run: as the current job, put back if it asks for that, left out if it is not wanted any more."""

from __future__ import annotations

import functools
import inspect
import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from taskiq import TaskiqMessage
from taskiq.exceptions import NoResultError

from shiftboss.endings import Requeue, requeued
from shiftboss.engines.taskiq.messages import OPTIONS
from shiftboss.jobs import Message, Reschedule

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss
    from shiftboss.engines.taskiq.engine import TaskiqEngine


class PutBack(NoResultError):
    """The same message runs again later: this was no run of it. taskiq's retries leave such an error alone."""


@dataclass
class Run:
    """What is known of the run of a task.

    Args:
        message: The job.
        theirs: taskiq's message.
        wanted: Whether it shall run.
        again: Whether the same message was sent once more meanwhile: a retry.
        later: When it runs again because it was put back.
        error: What it raised.
        stack: What is undone when it has ended.
    """

    message: Message
    theirs: TaskiqMessage
    wanted: bool = True
    again: bool = False
    later: Reschedule | None = None
    error: BaseException | None = None
    stack: ExitStack = field(default_factory=ExitStack)


current_run: ContextVar[Run | None] = ContextVar("shiftboss_taskiq_run", default=None)


def as_job(client: Shiftboss, function: Callable[..., Any]) -> Callable[..., Any]:
    """A task's function, run as a job."""

    def decide(run: Run, error: BaseException) -> None:
        """See whether an error means that the task runs again later.

        Raises:
            PutBack: It does.
        """
        run.error = error
        if isinstance(error, Requeue):
            run.later = requeued(run.message, error)
        elif isinstance(error, Exception) and not isinstance(error, NoResultError):
            asked = (extension.raised(run.message, error) for extension in client.extensions.values())
            run.later = next((later for later in asked if later is not None), None)
        if run.later is not None:
            raise PutBack from error

    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def arun(*args: Any, **kwargs: Any) -> Any:
            run = current_run.get()
            if run is None or run.wanted:
                try:
                    return await function(*args, **kwargs)
                except BaseException as error:
                    if run is not None:
                        decide(run, error)
                    raise
            return None

        return arun

    @functools.wraps(function)
    def run_here(*args: Any, **kwargs: Any) -> Any:
        run = current_run.get()
        if run is None or run.wanted:
            try:
                return function(*args, **kwargs)
            except BaseException as error:
                if run is not None:
                    decide(run, error)
                raise
        return None

    return run_here


async def put_back(engine: TaskiqEngine, run: Run, later: Reschedule) -> None:
    """Send the same message again, at once or later."""
    same = run.theirs.model_copy(update={"labels": {**run.theirs.labels, OPTIONS: json.dumps(dict(later.options))}})
    if later.delay > 0:
        await engine.put_off(same, time.time() + later.delay)
    else:
        await engine.kick(same)
