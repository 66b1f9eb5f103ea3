"""Running jobs where the test is: functions in its thread, coroutines on a loop of their own, each to its end."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from shiftboss.client import Shiftboss
from shiftboss.engines.sidekiq.worker.crew import Crew


class Here(Crew):
    """A crew of one: whoever calls. A coroutine that is to run while a loop runs in this thread gets a thread, and the
    caller waits for it.

    Args:
        client: Whose connections are closed at the end of each loop.
    """

    def __init__(self, client: Shiftboss) -> None:
        super().__init__(1)
        self._client = client

    def run(self, work: Callable[[], None]) -> None:
        work()

    def spawn(self, work: Coroutine[Any, Any, None], context: contextvars.Context) -> None:
        if asyncio._get_running_loop() is None:
            context.run(asyncio.run, self._to_the_end(work))
            return
        thread = threading.Thread(target=context.run, args=(asyncio.run, self._to_the_end(work)))
        thread.start()
        thread.join()

    async def _to_the_end(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        finally:
            await self._client.aclose()
