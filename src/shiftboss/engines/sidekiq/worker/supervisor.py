"""Several worker processes under one: it starts them, starts anew those that die, and passes signals on."""

from __future__ import annotations

import logging
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import NoReturn

from shiftboss.engines.sidekiq.worker.backoff import Backoff
from shiftboss.engines.sidekiq.worker.signals import STOP
from shiftboss.text import plural

log = logging.getLogger("shiftboss.worker")
PASSED_ON = (signal.SIGTSTP, signal.SIGUSR1)
HEARD = (*STOP, *PASSED_ON, signal.SIGCHLD)
# One that has lived so long is not dying of how it starts.
SETTLED = 30.0
LOOK = 0.5
# The exit code of a command that was asked wrongly, which another start does not mend.
MISUSE = 2


@dataclass
class _Place:
    """A place that a process of ours has, or will have at `due`. One that was `told` leaves it for a fresh one."""

    pid: int | None = None
    told: bool = False
    began: float = 0.0
    due: float | None = 0.0
    backoff: Backoff = field(default_factory=lambda: Backoff(0.5, 30.0))


def supervise(count: int, changed: Callable[[], bool] | None = None) -> int:
    """Keep `count` child processes. It returns in each of them, which then works; in the parent it ends the process.

    Call it before threads are started and before what the children run is imported. A child that dies is started anew, the
    later the more often it did; one that ends as a wrongly asked command does ends them all. TERM and INT stop all of them,
    TSTP and USR1 are passed on. Children that lose their parent stop.

    Args:
        count: How many.
        changed: Asked twice a second: whether the children shall be replaced by fresh ones.

    Returns:
        Which of them this child is, from 0; the one that takes the place of another has its number.
    """
    return _Supervisor(count, changed).run()


class _Child(Exception):
    """Raised in a child, to leave the parent's loop. It says which one."""


class _Supervisor:
    def __init__(self, count: int, changed: Callable[[], bool] | None) -> None:
        self._places = [_Place() for _ in range(count)]
        self._changed = changed
        self._stopping = self._quiet = False
        self._code = 0
        self._reader, self._writer = os.pipe()
        self._lifeline, self._life = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)

    def run(self) -> int:
        before = {number: signal.signal(number, _noted) for number in HEARD}
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        try:
            self._loop()
        except _Child as child:
            # As if nothing had been: the worker sets up its own signals.
            signal.set_wakeup_fd(-1)
            for number, handler in before.items():
                signal.signal(number, handler)
            for descriptor in (self._reader, self._writer, self._life):
                os.close(descriptor)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, HEARD)
            threading.Thread(target=_stop_with, args=(self._lifeline,), name="shiftboss-lifeline", daemon=True).start()
            return int(child.args[0])

    def _loop(self) -> NoReturn:
        while True:
            self._start_due()
            select.select([self._reader], [], [], LOOK)
            for number in self._signals():
                self._heed(number)
            self._bury()
            if self._changed is not None and not self._stopping and self._changed():
                log.info("the source has changed; starting anew")
                self._replace()
            if self._stopping and not any(place.pid for place in self._places):
                sys.exit(self._code)

    def _signals(self) -> bytes:
        try:
            return os.read(self._reader, 1024)
        except BlockingIOError:
            return b""

    def _heed(self, number: int) -> None:
        if number in STOP:
            if not self._stopping:
                log.info(
                    "stopping %s", plural(sum(place.pid is not None for place in self._places), "process", "processes")
                )
                # To one that is stopping already another TERM would say: at once.
                self._send(signal.SIGTERM, [place for place in self._places if not place.told])
            else:
                self._send(signal.SIGTERM)
            self._stopping = True
        elif number in PASSED_ON:
            self._quiet = self._quiet or number == signal.SIGTSTP
            self._send(signal.Signals(number))

    def _send(self, number: signal.Signals, places: Sequence[_Place] | None = None) -> None:
        for place in self._places if places is None else places:
            if place.pid is not None:
                os.kill(place.pid, number)

    def _start_due(self) -> None:
        if any(place.told for place in self._places):
            return  # the new ones shall not meet the old
        for number, place in enumerate(self._places):
            if place.pid is None and place.due is not None and place.due <= time.monotonic() and not self._stopping:
                place.pid = self._fork(number)
                place.began = time.monotonic()

    def _fork(self, number: int) -> int:
        sys.stdout.flush()
        sys.stderr.flush()
        # A signal for a child must not find our handlers there, which would write it to our pipe.
        signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)
        pid = os.fork()
        if pid:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, HEARD)
            return pid
        # A terminal sends Ctrl-C to a group; ours would hear it twice, from the terminal and from the parent.
        os.setpgrp()
        raise _Child(number)

    def _bury(self) -> None:
        for place in self._places:
            if place.pid is None:
                continue
            pid, status = os.waitpid(place.pid, os.WNOHANG)
            if pid:
                place.pid = None
                self._ended(place, pid, os.waitstatus_to_exitcode(status))

    def _ended(self, place: _Place, pid: int, code: int) -> None:
        was_told, place.told = place.told, False
        if self._stopping:
            # Before a worker heeds signals TERM ends it, which is as good.
            told = code in {0, -signal.SIGTERM}
            self._code = self._code or (0 if told else max(code, 1))
        elif was_told:
            place.due = 0.0
        elif code == MISUSE and self._changed is None:
            self._stopping, self._code = True, code
            self._send(signal.SIGTERM)
        elif code and self._changed is not None:
            place.due = None
            log.warning("process %d has ended (%s); waiting for the source to change", pid, _how(code))
        elif self._quiet:
            place.due = None
        else:
            if time.monotonic() - place.began > SETTLED:
                place.backoff.reset()
            pause = place.backoff.next()
            place.due = time.monotonic() + pause
            log.warning("process %d has ended (%s); another one starts in %.1f s", pid, _how(code), pause)

    def _replace(self) -> None:
        """Stop the children; when all have ended, others take their places."""
        self._send(signal.SIGTERM, [place for place in self._places if not place.told])
        for place in self._places:
            place.told, place.due = place.pid is not None, 0.0
            place.backoff.reset()


def _how(code: int) -> str:
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name


def _stop_with(lifeline: int) -> None:
    """Stop this process once nobody holds the other end any more."""
    os.read(lifeline, 1)
    log.warning("the supervisor is gone; stopping")
    os.kill(os.getpid(), signal.SIGTERM)


def _noted(number: int, frame: FrameType | None) -> None:
    """The pipe has it."""
