"""Signals of a worker process, as something that the main thread waits for."""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any, ClassVar, Self

STOP = (signal.SIGTERM, signal.SIGINT)
# Not on Windows.
QUIET: int | None = getattr(signal, "SIGTSTP", None)
STACKS: int | None = getattr(signal, "SIGUSR1", None)
HEARD = [number for number in (*STOP, QUIET, STACKS) if number is not None]


class Signals:
    """Yields the numbers of signals as they come, until `close` is called. For the main thread, as a context manager.

    USR1 is not among them: it prints the stack of every thread to standard error.

    The interpreter itself writes them to a pipe. A handler in Python would not do: it runs when the main thread next
    does, and a signal that another thread was interrupted by does not wake the main one.

    A child process that a job forks hears signals as before: it shares the pipe, and what is sent to it alone, as by
    `multiprocessing`, would be taken for the worker's.
    """

    _current: ClassVar[Signals | None] = None

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self._fd_before = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        for number in HEARD:
            self._before[number] = signal.signal(number, _noted)
        Signals._current = self
        return self

    def __exit__(self, *_: object) -> None:
        self.forget()
        os.close(self._reader)
        os.close(self._writer)

    def __iter__(self) -> Iterator[int]:
        while number := os.read(self._reader, 1)[0]:
            if number == STACKS:
                # Not by `faulthandler.register`: while other threads run, reading their frames can end the process.
                faulthandler.dump_traceback(sys.__stderr__ or 2)
            elif number in self._before:
                yield number

    def forget(self) -> None:
        """Hear signals as before."""
        Signals._current = None
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._fd_before)

    def close(self) -> None:
        """End the waiting, from any thread."""
        os.write(self._writer, b"\0")


def _noted(number: int, frame: FrameType | None) -> None:
    """The pipe has it. But without a handler the signal would do what it does by default."""


_masks = threading.local()


def _before_fork() -> None:
    """Until a child has forgotten our handlers nothing may reach it."""
    if Signals._current is not None:
        _masks.before = signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)


def _forked() -> None:
    before, _masks.before = getattr(_masks, "before", None), None
    if before is not None:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _forked_child() -> None:
    if Signals._current is not None:
        Signals._current.forget()
    _forked()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(before=_before_fork, after_in_parent=_forked, after_in_child=_forked_child)
