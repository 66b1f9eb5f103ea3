"""Calling what a payload stands for: its middleware around it, and no longer than it may take."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from shiftboss.engines.sidekiq.middleware import Run, around
from shiftboss.engines.sidekiq.payload import EXPIRY
from shiftboss.engines.sidekiq.worker.timeouts import awithin, deadlines

if TYPE_CHECKING:
    from shiftboss.engines.sidekiq.payload import Payload
    from shiftboss.engines.sidekiq.worker.bodies import Body


def call(payload: Payload, body: Body) -> None:
    """Run a function in this thread.

    Raises:
        JobTimeout: It took longer than it may.
        BaseException: What it or its middleware raises.
    """
    run, seconds = _wrapped(payload, body), _number(payload, "timeout")
    if seconds is None:
        run()
    else:
        with deadlines.within(seconds):
            run()


async def acall(payload: Payload, body: Body) -> None:
    """As `call`, for a coroutine function."""
    run, seconds = _wrapped(payload, body), _number(payload, "timeout")
    if seconds is None:
        await run()
    else:
        async with awithin(seconds):
            await run()


def has_expired(payload: Payload) -> bool:
    """Whether it is too late to begin."""
    expiry = _number(payload, EXPIRY)
    return expiry is not None and payload.retry_count is None and expiry < time.time()


def _wrapped(payload: Payload, body: Body) -> Run:
    message = payload.message
    return around(message, lambda: body.run(*message.args), is_async=body.is_async)


def _number(payload: Payload, name: str) -> float | None:
    """A number of seconds that the payload carries; what is none is not ours."""
    value: Any = payload.message.options.get(name)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0 else None
