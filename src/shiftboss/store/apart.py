"""Work of redis-py's own in a task of its own, where it can swallow no cancellation of its caller.

It sets time limits with `asyncio.wait_for`, which before Python 3.12 returns as if nothing had happened to a task that is
cancelled in the moment in which the wait is over. That task then lives on, and whoever cancelled it waits for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def apart(work: Coroutine[Any, Any, T]) -> T:
    """Run it to its end; the caller's cancellation ends the wait at once, and cancels the work."""
    task = asyncio.create_task(work, name="shiftboss-store-apart")
    task.add_done_callback(_seen)
    try:
        return await asyncio.shield(task)
    finally:
        task.cancel()


def without_limits(connection: Any) -> Any:
    """A connection whose reads and writes redis-py sets no time limit; ours have their own."""
    connection.socket_timeout = None
    return connection


def _seen(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()  # nobody may be there any more to be told
