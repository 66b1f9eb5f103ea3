"""`Replies`: what is due on one connection of an event loop."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable
from typing import Any

# Stands for a reply that did not come in time.
LATE = object()
# Seconds by which a reply may be given up too late, so that many deadlines make few alarms.
GRAIN = 0.005
# Seconds after which a connection on which nothing came, though somebody has given up waiting, is taken for dead.
SILENCE = 1.0


def _nobody() -> None:
    """Who hears of the silence of a connection that is not there yet."""


class Replies:
    """Futures in the order of the commands, each with its deadline. One alarm serves them all: a timer for each call would
    take as long to set up and to cancel as everything else that is done for it here.

    The alarm watches the connection too, as long as anything is due on it: callers may have shorter timeouts of their own,
    and cancel what they wait for before they could hear that it is late. `on_silence` is called when it seems dead.
    """

    def __init__(self) -> None:
        self.on_silence: Callable[[], None] = _nobody
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
        now = time.monotonic()
        self._alarm_at = min(deadline, now + SILENCE)
        self._alarm = loop.call_later(self._alarm_at - now, self._ring, loop)

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        now, following, given_up = time.monotonic(), math.inf, False
        if now - self._alarm_at > SILENCE:
            self.heard = now  # it is the loop that was busy: what came meanwhile is still to be read
        for reply, deadline in self._due:
            if not reply.done() and deadline > now:
                following = min(following, deadline)
                continue
            if not reply.done():
                reply.set_result(LATE)
            given_up = True
        self._alarm, self._alarm_at = None, math.inf
        if self._due:
            self._set_alarm(loop, max(following, now + GRAIN))
        if given_up and now - self.heard > SILENCE:
            self.on_silence()
