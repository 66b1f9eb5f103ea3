"""Who runs jobs: threads for functions, one event loop for coroutines. How many run at once is for others to say."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

log = logging.getLogger("shiftboss.worker")


class Crew:
    """Threads that are started as they are needed, up to `size`, and an event loop that is, too. All are daemons.

    Args:
        size: How many threads at most.
        begun: Called by a thread, or by the event loop, that takes the last job which waited for it.
    """

    def __init__(self, size: int, begun: Callable[[], None] = lambda: None) -> None:
        self._size = size
        self._begun = begun
        self._work: deque[Callable[[], None] | None] = deque()
        self._threads = 0
        self._idle: list[threading.Lock] = []
        self._coming = False
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._spawning = 0
        self._closed = False

    @property
    def waiting(self) -> int:
        """How many jobs have not begun yet."""
        return len(self._work) + self._spawning

    def run(self, work: Callable[[], None]) -> None:
        """Run a function in one of the threads."""
        self._put(work)

    def spawn(self, work: Coroutine[Any, Any, None], context: contextvars.Context) -> None:
        """Run a coroutine on the event loop, in that context."""
        if self._loop is None:
            loop = asyncio.new_event_loop()
            threading.Thread(target=self._main_loop, args=(loop,), name="shiftboss-loop", daemon=True).start()
            self._loop = loop
        with self._lock:
            self._spawning += 1
        self._loop.call_soon_threadsafe(self._spawn, self._loop, work, context)

    def interrupt(self, patience: float) -> bool:
        """Cancel the coroutines, and wait so many seconds for what they do before they end. Threads cannot be cancelled.

        Returns:
            Whether all coroutines have ended.
        """
        if self._loop is None:
            return True
        try:
            asyncio.run_coroutine_threadsafe(self._cancel(), self._loop).result(patience)
        except TimeoutError:
            return False
        return True

    def dismiss(self, farewell: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Let those go who have nothing to do; a thread or a coroutine that still runs a job ends after it.

        Args:
            farewell: Is run on the event loop before that ends, if there is one.
        """
        for _ in range(self._threads):
            self._put(None)
        if self._loop is not None:
            asyncio.run_coroutine_threadsafe(self._close(self._loop, farewell), self._loop)

    def _put(self, work: Callable[[], None] | None) -> None:
        with self._lock:
            self._work.append(work)
            try:
                self._call()
            except RuntimeError:
                self._work.pop()
                raise

    def _call(self) -> None:
        """Have one more thread come for what waits, if none is on its way. Each that comes calls the next, before it works.

        Waking a thread for each job would cost more than many a job: where they are short the first thread does them all.
        """
        if self._coming or not self._work:
            return
        if self._idle:
            self._coming = True
            self._idle.pop().release()
        elif self._threads < self._size:
            name = f"shiftboss-job-{self._threads + 1}"
            try:
                threading.Thread(target=self._main, name=name, daemon=True).start()
            except RuntimeError as error:
                if not self._threads:
                    raise
                log.warning("%s could not be started, what waits is left to those that run: %s", name, error)
            else:
                self._coming = True
                self._threads += 1

    def _main(self) -> None:
        bell = threading.Lock()
        bell.acquire()
        with self._lock:
            self._coming = False
        while (work := self._take(bell)) is not None:
            if not self._work:
                self._begun()
            work()

    def _take(self, bell: threading.Lock) -> Callable[[], None] | None:
        """What is next for this thread, which waits for its bell while there is nothing."""
        while True:
            with self._lock:
                if self._work:
                    work = self._work.popleft()
                    self._call()
                    return work
                self._idle.append(bell)
            bell.acquire()
            with self._lock:
                self._coming = False

    def _spawn(
        self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, None], context: contextvars.Context
    ) -> None:
        task = loop.create_task(work, context=context)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        with self._lock:
            self._spawning -= 1
        if not self._spawning:
            self._begun()

    async def _cancel(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _main_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        # asyncio lets a task's sys.exit() out of here, and whoever holds the loop may stop it: the other jobs go on.
        while not self._closed:
            try:
                loop.run_forever()
            except BaseException:
                log.exception("a task of a coroutine wanted to end the program; the event loop goes on")
        loop.close()

    async def _close(self, loop: asyncio.AbstractEventLoop, farewell: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            # One that would not be cancelled goes on, as a thread does: asyncio complains of tasks that lose their loop.
            if self._tasks:
                await asyncio.wait(self._tasks)
            await farewell()
            await loop.shutdown_asyncgens()
        finally:
            self._closed = True
            loop.call_soon(loop.stop)
