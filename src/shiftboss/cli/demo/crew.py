"""The demo's worker processes. They end with the demo, by whatever death it ends."""

from __future__ import annotations

import _thread
import sys
import threading
from types import TracebackType
from typing import Self

from shiftboss.cli.command import Failure
from shiftboss.guarded import GuardedProcess

INTERVAL = 0.2


class Crew:
    """Some processes of ``shiftboss worker``, watched: when one ends, what the main thread waits for is broken off.

    Args:
        size: How many.
        arguments: What each is given.
    """

    def __init__(self, size: int, arguments: list[str]) -> None:
        self._command = [sys.executable, "-m", "shiftboss.cli", "worker", *arguments]
        self._size = size
        self._workers: list[GuardedProcess] = []
        self._leaving = threading.Event()
        self._last_words: str | None = None

    def __enter__(self) -> Self:
        try:
            for _ in range(self._size):
                self._workers.append(GuardedProcess(self._command))
        except BaseException:
            self._stop()
            raise
        threading.Thread(target=self._watch, name="demo-crew", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        words = self._last_words
        self._stop()
        if words is not None and isinstance(error, KeyboardInterrupt):
            raise Failure(f"a worker process ended: {words}") from None

    def _stop(self) -> None:
        self._leaving.set()
        for worker in self._workers:
            worker.stop()

    def _watch(self) -> None:
        while not self._leaving.wait(INTERVAL):
            ended = next((worker for worker in self._workers if not worker.running), None)
            if ended is not None and not self._leaving.is_set():
                self._last_words = ended.last_words().removeprefix("shiftboss: ") or "it was killed"
                _thread.interrupt_main()
                return
