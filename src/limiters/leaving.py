"""What a process still has to tell Redis when it ends, or drops a client."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError

from shiftboss.scripts import Call

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss
    from shiftboss.store import Store

# Seconds that the end may wait for Redis.
PATIENCE = 0.5


def when_it_ends(client: Shiftboss, left: Callable[[], list[Call[Any]]]) -> None:
    """Have calls made when a client is dropped or the process ends, if Redis answers; `left` must not hold the client."""
    weakref.finalize(client, _leave, client.store, left)


def _leave(store: Store, left: Callable[[], list[Call[Any]]]) -> None:
    calls = left()
    if not calls:
        return
    if threading.main_thread().is_alive():
        # The collector dropped the client, in the midst of anything: its thread may hold any lock, or run an event loop.
        threading.Thread(target=_send, args=(store, calls), name="shiftboss-leaving").start()
    else:
        _send(store, calls)


def _send(store: Store, calls: list[Call[Any]]) -> None:
    with suppress(RedisError, OSError):
        store.run_many(calls, PATIENCE)
    store.close()
