"""Being there: an idle subscription to a channel of one's own, which a script can see.

``PUBSUB NUMSUB`` is the only thing by which a script can tell whether a process is still connected; the server notices the
end of a killed one within milliseconds. A limiter passes over waiters whose process is gone.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Hashable
from contextlib import suppress
from secrets import token_hex
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from shiftboss.store.line import AsyncLine, AsyncSubscription, Line, Subscription

if TYPE_CHECKING:
    from shiftboss.store.nodes import Maker

# Seconds within which a process that just showed itself does not do so again for another thread.
FRESH = 1.0


def new_identity() -> str:
    """A name for this process, or for a part of it, that no other has."""
    return f"{socket.gethostname()}-{os.getpid()}-{token_hex(4)}"


class _Here:
    """What one process is known by, and shows itself with."""

    def __init__(self) -> None:
        self.identity = new_identity()
        self.lock = threading.Lock()
        self.lines: dict[Hashable, tuple[Line, float]] = {}


class Presence:
    """One store's presence on each node, from threads, before and after a fork."""

    def __init__(self) -> None:
        # By process id: a forked child has a name of its own, one for all its threads, and leaves its parent's lines alone.
        self._processes: dict[int, _Here] = {}

    def identity(self) -> str:
        """What this process is known by; another one after a fork."""
        return self._here().identity

    def show(self, node: Hashable, maker: Maker, prefix: str, timeout: float) -> None:
        """Subscribe on a node to the channel of this process, anew unless that was just done.

        Raises:
            redis.RedisError: It cannot be reached.
        """
        here = self._here()
        with here.lock:
            line, since = here.lines.get(node, (None, 0.0))
            if line is not None:
                if time.monotonic() - since < FRESH:
                    return
                line.close()
            line = Line(maker.make(), timeout)
            Subscription(line, prefix + here.identity)
            here.lines[node] = (line, time.monotonic())

    def close(self) -> None:
        here = self._here()
        with here.lock:
            for line, _ in here.lines.values():
                line.close()
            here.lines.clear()

    def _here(self) -> _Here:
        pid = os.getpid()
        here = self._processes.get(pid)
        return self._processes.setdefault(pid, _Here()) if here is None else here


class AsyncPresence:
    """The asyncio twin of `Presence`, of one event loop."""

    def __init__(self) -> None:
        self.identity = new_identity()
        self._lines: dict[Hashable, tuple[AsyncLine, float]] = {}

    async def show(self, node: Hashable, maker: Maker, prefix: str, timeout: float) -> None:
        """As `Presence.show`."""
        line, since = self._lines.get(node, (None, 0.0))
        if line is not None and time.monotonic() - since < FRESH:
            return
        fresh = AsyncLine(maker.make(), timeout)
        self._lines[node] = (fresh, time.monotonic())
        if line is not None:
            await line.close()
        try:
            await AsyncSubscription.on(fresh, prefix + self.identity)
        except BaseException:
            if self._lines.get(node, (None, 0.0))[0] is fresh:
                del self._lines[node]
            raise

    async def close(self) -> None:
        for line, _ in self._lines.values():
            with suppress(RedisError, OSError):
                await line.close()
        self._lines.clear()
