"""The time that a job may take: `JobTimeout` is raised in the thread or the coroutine that runs it.

Python cannot stop a thread, but can have it raise an error between two of its instructions: a job that sits in one call that
does not return (a socket without a timeout, a query) goes on until that does. A coroutine is cancelled where it awaits.
"""

from __future__ import annotations

import asyncio
import ctypes
import heapq
import itertools
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from shiftboss.errors import JobTimeout


def _raise_in(thread: int, error: type[BaseException] | None) -> None:
    """Have a thread raise an error soon; None takes back one that it has not raised yet."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread), ctypes.py_object(error) if error is not None else None
    )


class Deadlines:
    """Deadlines of the threads of this process, kept by one thread that is there as long as there are any."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._heap: list[tuple[float, int, int]] = []
        self._open: set[int] = set()
        self._fired: set[int] = set()
        self._numbers = itertools.count()
        self._watched = False

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """A block of this thread that may take so long.

        Raises:
            JobTimeout: It took longer.
        """
        number = self._begin(seconds)
        try:
            yield
        finally:
            # From here on nobody raises anything in this thread any more, and what was not raised yet never is.
            with self._changed:
                self._open.discard(number)
                if number in self._fired:
                    self._fired.discard(number)
                    _raise_in(threading.get_ident(), None)

    def _begin(self, seconds: float) -> int:
        with self._changed:
            number = next(self._numbers)
            self._open.add(number)
            heapq.heappush(self._heap, (time.monotonic() + seconds, number, threading.get_ident()))
            if not self._watched:
                self._watched = True
                threading.Thread(target=self._watch, name="shiftboss-timeouts", daemon=True).start()
            self._changed.notify()
        return number

    def _watch(self) -> None:
        with self._changed:
            while self._heap:
                due, number, thread = self._heap[0]
                left = due - time.monotonic()
                if number not in self._open:
                    heapq.heappop(self._heap)
                elif left > 0:
                    self._changed.wait(left)
                else:
                    heapq.heappop(self._heap)
                    self._fired.add(number)
                    _raise_in(thread, JobTimeout)
            self._watched = False


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
