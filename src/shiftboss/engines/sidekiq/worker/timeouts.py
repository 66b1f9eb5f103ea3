"""The time that a job may take: `JobTimeout` is raised in the thread or the coroutine that runs it.

Python cannot stop a thread, but can have it raise an error between two of its instructions: a job that sits in one call that
does not return (a socket without a timeout, a query) goes on until that does. A coroutine is cancelled where it awaits.
"""

from __future__ import annotations

import asyncio
import ctypes
import heapq
import queue
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shiftboss.errors import JobTimeout

# How long a block that ends just as its time is over sleeps until the error is on its way.
MOMENT = 0.0005


def _raise_in(thread: int, error: type[BaseException] | None) -> None:
    """Have a thread raise an error soon; None takes back one that it has not raised yet."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread), ctypes.py_object(error) if error is not None else None
    )


class Block:
    """A block of this thread that may take so long; see `Deadlines.within`.

    The error may come between any two instructions, those of `__enter__` and `__exit__` too. So a block's thread takes no
    lock that Python code lets go of again (a `Condition`, say), which would stay taken for ever; and nothing of what it does
    here is needed if the error comes first: then the deadline has already ended the block.
    """

    def __init__(self, deadlines: Deadlines, seconds: float) -> None:
        self.due = time.monotonic() + seconds
        self._deadlines = deadlines
        self._thread = threading.get_ident()
        # Taken, and never let go of, by who is first to end the block: its thread or the deadline.
        self._ended = threading.Lock()
        self._raised = False

    def __lt__(self, other: Block) -> bool:
        return self.due < other.due

    def __enter__(self) -> None:
        self._deadlines.add(self)

    def __exit__(self, *_: object) -> None:
        if not self._ended.acquire(blocking=False):
            while not self._raised:
                time.sleep(MOMENT)
            # What was not raised until here never is: the thread has other things to do from now on.
            _raise_in(self._thread, None)

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self._ended.locked()

    def expire(self) -> None:
        """Its time is over."""
        if self._ended.acquire(blocking=False):
            _raise_in(self._thread, JobTimeout)
            self._raised = True


class Deadlines:
    """Deadlines of the threads of this process, kept by one thread that is there as long as there are any."""

    def __init__(self) -> None:
        self._new: queue.SimpleQueue[Block] = queue.SimpleQueue()
        self._watching = threading.Lock()
        self._watched = False

    def within(self, seconds: float) -> Block:
        """A ``with`` block of this thread that may take so long.

        Raises:
            JobTimeout: In the block: it took longer.
        """
        return Block(self, seconds)

    def add(self, block: Block) -> None:
        """Watch a block."""
        self._new.put(block)
        with self._watching:
            if not self._watched:
                threading.Thread(target=self._watch, name="shiftboss-timeouts", daemon=True).start()
                self._watched = True

    def _watch(self) -> None:
        blocks: list[Block] = []
        while True:
            while blocks and (blocks[0].is_over or blocks[0].due <= time.monotonic()):
                heapq.heappop(blocks).expire()
            if not blocks:
                with self._watching:
                    if self._new.empty():
                        self._watched = False
                        return
            try:
                timeout = max(0.0, blocks[0].due - time.monotonic()) if blocks else None
                heapq.heappush(blocks, self._new.get(timeout=timeout))
            except queue.Empty:
                pass


deadlines = Deadlines()


@asynccontextmanager
async def awithin(seconds: float) -> AsyncIterator[None]:
    """As `Deadlines.within`, for a coroutine."""
    scope = asyncio.timeout(seconds)
    try:
        async with scope:
            yield
    except TimeoutError as error:
        if not scope.expired():
            raise
        raise JobTimeout from error
