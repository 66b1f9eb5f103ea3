"""Assertions on what was pushed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from shiftboss.testing.sandbox import current_sandbox

if TYPE_CHECKING:
    from shiftboss.engines.sidekiq.function_job import FunctionJob
    from shiftboss.engines.sidekiq.job import Job
    from shiftboss.jobs import Message

_ANY: Any = object()
SHOWN = 20


def assert_enqueued(
    job: FunctionJob[..., Any] | type[Job] | str,
    *,
    args: Sequence[Any] = _ANY,
    queue: str = _ANY,
    at: Any = _ANY,
    count: int | None = None,
) -> list[Message]:
    """Assert that a job waits in the sandbox.

    Args:
        job: The job, or its name.
        args: Its arguments, as they are after JSON.
        queue: Where it waits.
        at: When it is due: a datetime, epoch seconds, ``pytest.approx`` of them, or None for at once.
        count: How many such jobs; default at least one.

    Returns:
        Those that match.

    Raises:
        AssertionError: There are none, or not so many; it shows what was enqueued.

    Example:
        >>> from shiftboss import job
        >>> from shiftboss.testing import assert_enqueued, fake
        >>> @job
        ... def resize(path): ...
        >>> with fake():
        ...     jid = resize.perform_async("a.png")
        ...     found = assert_enqueued(resize, args=["a.png"], count=1)
    """
    name = job if isinstance(job, str) else job.job_name
    waiting = current_sandbox().jobs
    found = [message for message in waiting if message.name == name and _fits(message, args, queue, at)]
    if len(found) == count or (count is None and found):
        return found
    asked = {"args": args, "queue": queue, "at": at}
    wanted = "".join(f", {key}={value!r}" for key, value in asked.items() if value is not _ANY)
    many = "at least one job" if count is None else f"{count} job{'' if count == 1 else 's'}"
    raise AssertionError(f"expected {many} {name}{wanted}, found {len(found)}; {_listed(waiting)}")


@contextmanager
def perform_enqueued() -> Iterator[None]:
    """Run, at the end of the block, what its body pushed and what that pushes; what waited before goes on waiting."""
    sandbox = current_sandbox()
    before = {message.id for message in sandbox.jobs}
    yield
    sandbox.drain(lambda message: message.id not in before)


def _fits(message: Message, args: Any, queue: Any, at: Any) -> bool:
    if isinstance(at, datetime):
        at = at.timestamp()
    return (
        (args is _ANY or message.args == tuple(args))
        and (queue is _ANY or message.queue == queue)
        and (at is _ANY or message.at == at)
    )


def _listed(waiting: Sequence[Message]) -> str:
    if not waiting:
        return "nothing is enqueued"
    lines = [_line(message) for message in waiting[:SHOWN]]
    if len(waiting) > SHOWN:
        lines.append(f"and {len(waiting) - SHOWN} more")
    return "\n  ".join(["enqueued are:", *lines])


def _line(message: Message) -> str:
    args = ", ".join(repr(argument) for argument in message.args)
    due = "" if message.at is None else f" at {datetime.fromtimestamp(message.at, UTC).isoformat()}"
    return f"{message.name}({args}) on {message.queue}{due}"
