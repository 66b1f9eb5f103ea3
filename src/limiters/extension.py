"""What limiters do in the life of jobs: a job that was over a limit runs again later, and has not failed."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from shiftboss.errors import OverLimit
from shiftboss.jobs import Extension, Message, Reschedule

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss

# How often in a row a job is put back before being over the limit is a failure like others.
MOST = 20
COUNT = "overrated"
# Seconds for each time it was put back, where the limiter does not know when it will admit again.
STEP = 300.0
# Seconds over which the jobs that a limiter put back spread: they must not all come at one instant.
JITTER = 1.0


class LimiterExtension(Extension):
    """The limiters of one client, as its engine meets them."""

    def __init__(self, client: Shiftboss) -> None:
        self._client = client

    def raised(self, message: Message, error: BaseException) -> Reschedule | None:
        """Over a limit: the same job later, when the limiter expects to admit it. Twenty times in a row at most."""
        if not isinstance(error, OverLimit):
            return None
        times = int(message.options.get(COUNT, 0)) + 1
        if times > MOST:
            return None
        delay = STEP * times if error.retry_after is None else error.retry_after
        return Reschedule(delay + random.uniform(0, max(JITTER, delay / 10)), {COUNT: times})
