"""A task's run: as the current job, put back if it asks for that, left out if it is not wanted any more."""

from __future__ import annotations

import functools
import inspect
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from taskiq import TaskiqMessage
from taskiq.exceptions import NoResultError

from shiftboss.extension import Reschedule
from shiftboss.jobs import OPTIONS, Message
from shiftboss.reporting import put_back_of

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
        error: What it failed with.
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
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def arun(*args: Any, **kwargs: Any) -> Any:
            with _run(client) as wanted:
                return await function(*args, **kwargs) if wanted else None

        return arun

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        with _run(client) as wanted:
            return function(*args, **kwargs) if wanted else None

    return run


@contextmanager
def _run(client: Shiftboss) -> Iterator[bool]:
    """The body of a run, and whether it shall be.

    Raises:
        PutBack: It raised what means that the task runs again later.
    """
    one = current_run.get()
    try:
        yield one is None or one.wanted
    except BaseException as error:
        if one is not None:
            one.later = None if isinstance(error, NoResultError) else put_back_of(client, one.message, error)
            if one.later is not None:
                raise PutBack from error
        raise


async def put_back(engine: TaskiqEngine, run: Run, later: Reschedule) -> None:
    """Send the same message again, at once or later."""
    same = run.theirs.model_copy(update={"labels": {**run.theirs.labels, OPTIONS: json.dumps(dict(later.options))}})
    if later.delay > 0:
        await engine.put_off(same, time.time() + later.delay)
    else:
        await engine.kick(same)
