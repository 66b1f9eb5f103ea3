"""Signals of a worker process: a handler only notes what came; the main thread, which waits for it, acts."""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any, Self

STOP = (signal.SIGTERM, signal.SIGINT)
QUIET = "SIGTSTP"
STACKS = "SIGUSR1"
# What a second request to stop ends the process with.
AT_ONCE = 1


class Signals:
    """Yields signals as they come, until one asks to stop or `close` is called. For the main thread, as a context manager.

    The second request to stop ends the process at once, in whatever state: what it holds is taken back by another one.
    """

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        self._before: dict[int, Any] = {}
        self._asked = False

    def __enter__(self) -> Self:
        quiet = getattr(signal, QUIET, None)
        for number in (*STOP, quiet):
            if number is not None:
                self._before[number] = signal.signal(number, self._note)
        if hasattr(signal, STACKS):
            faulthandler.register(getattr(signal, STACKS), file=sys.__stderr__ or 2, all_threads=True)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if hasattr(signal, STACKS):
            faulthandler.unregister(getattr(signal, STACKS))
        os.close(self._reader)
        os.close(self._writer)

    def __iter__(self) -> Iterator[int]:
        while True:
            number = os.read(self._reader, 1)[0]
            if not number:
                return
            yield number
            if number in STOP:
                return

    def close(self) -> None:
        """End the waiting, from any thread."""
        os.write(self._writer, b"\0")

    def _note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        if number in STOP:
            if self._asked:
                os._exit(AT_ONCE)
            self._asked = True
        os.write(self._writer, bytes([number]))
