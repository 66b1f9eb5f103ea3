"""`Replies`: what is due on one connection of an event loop."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from typing import Any

# Stands for a reply that did not come in time.
LATE = object()
# Seconds by which a reply may be given up too late, so that many deadlines make few alarms.
GRAIN = 0.005


class Replies:
    """Futures in the order of the commands, each with its deadline. One alarm serves them all: a timer for each call would
    take as long to set up and to cancel as everything else that is done for it here.
    """

    def __init__(self) -> None:
        self.heard = time.monotonic()
        self._due: deque[tuple[asyncio.Future[Any], float]] = deque()
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = math.inf

    def __len__(self) -> int:
        return len(self._due)

    def expect(self, deadline: float) -> asyncio.Future[Any]:
        """The next command's reply, or `LATE` from the deadline on, in monotonic seconds."""
        loop = asyncio.get_running_loop()
        reply: asyncio.Future[Any] = loop.create_future()
        if not self._due:
            self.heard = time.monotonic()
        self._due.append((reply, deadline))
        if deadline < self._alarm_at:
            self._set_alarm(loop, deadline)
        return reply

    def hand_out(self, outcome: Any) -> None:
        """Give what came to whom it is due; who has gone or given up gets nothing."""
        self.heard = time.monotonic()
        reply, _ = self._due.popleft()
        if not reply.done():
            reply.set_result(outcome)

    def end(self, error: Exception) -> None:
        """Give whoever still waits the reason why there is no reply."""
        if self._alarm is not None:
            self._alarm.cancel()
        while self._due:
            self.hand_out(error)

    def _set_alarm(self, loop: asyncio.AbstractEventLoop, deadline: float) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_at = deadline
        self._alarm = loop.call_later(deadline - time.monotonic(), self._ring, loop)

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        now, following = time.monotonic(), math.inf
        for reply, deadline in self._due:
            if reply.done():
                continue
            if deadline <= now:
                reply.set_result(LATE)
            else:
                following = min(following, deadline)
        self._alarm, self._alarm_at = None, math.inf
        if following < math.inf:
            self._set_alarm(loop, max(following, now + GRAIN))
