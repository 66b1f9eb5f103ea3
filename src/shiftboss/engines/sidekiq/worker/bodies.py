"""What a job's name stands for in this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from shiftboss.engines.sidekiq.options import JobOptions
from shiftboss.engines.sidekiq.registry import find as find_job
from shiftboss.errors import JobError

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss
    from shiftboss.engine import Gate
    from shiftboss.engines.sidekiq.worker.failure import RetryIn


@dataclass(frozen=True, slots=True)
class Body:
    """What runs for a job.

    Args:
        run: Takes the job's arguments; returns a coroutine if `is_async`.
        is_async: Whether it runs on the event loop.
        retry_in: The job's wish for the delay after a failure.
        exhausted: Is told that it will not run again.
        options: What else was said at its definition.
    """

    run: Callable[..., Any]
    is_async: bool = False
    retry_in: RetryIn | None = None
    exhausted: Callable[[Any, BaseException], Any] | None = None
    options: JobOptions = field(default_factory=JobOptions)

    @property
    def gate(self) -> Gate | None:
        """What it runs inside of."""
        return self.options.limiter


def find(client: Shiftboss, name: str) -> Body:
    """The body of a job of ours, or of one that a feature brings along.

    Raises:
        JobError: No module that was imported here defines it. Another process may know it, so this is a failure to retry.
    """
    definition = find_job(name)
    if definition is not None:
        return Body(definition.run, definition.is_async, definition.retry_in, definition.exhausted, definition.options)
    own = client.own_job(name)
    if own is not None:
        return Body(own)
    raise JobError(f"no job is called {name!r} here; does this worker import the module that defines it?")
