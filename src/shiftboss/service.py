"""`Service`: a loop in a thread that can be started, stopped and waited for. `Signal`: what tests await instead of sleeping.

class Ticker(Service):
    def run(self) -> None:
        while not self.pause(10, jitter=0.2):
            self.tick()
            self.ticked.fire()
"""

from __future__ import annotations

import logging
import queue
import random
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Generic, TypeVar

log = logging.getLogger("shiftboss.service")
T = TypeVar("T")


class Service(ABC):
    """A loop in a daemon thread. It may be stopped twice, before it was started, and from within itself.

    Args:
        name: What its thread is called in logs and stack dumps.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._stop = threading.Event()
        self._nudged = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    @abstractmethod
    def run(self) -> None:
        """The loop. It ends soon after `stopping` becomes true."""

    @property
    def stopping(self) -> bool:
        """Whether the loop has been asked to end."""
        return self._stop.is_set()

    @property
    def running(self) -> bool:
        """Whether its thread is alive."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Start the loop, unless it was started or stopped before."""
        with self._lock:
            if self._thread is None and not self.stopping:
                self._thread = threading.Thread(target=self._main, name=self.name, daemon=True)
                self._thread.start()

    def ask_to_stop(self) -> None:
        """Say that the loop shall end, and return at once."""
        self._stop.set()
        self._nudged.set()

    def stop(self, timeout: float | None = None) -> bool:
        """End the loop and wait for it.

        Args:
            timeout: Seconds to wait at most; None waits until it has ended.

        Returns:
            Whether it has ended.
        """
        self.ask_to_stop()
        with self._lock:
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)
            return not thread.is_alive()
        return True

    def pause(self, seconds: float, *, jitter: float = 0.0) -> bool:
        """Wait between two rounds, or until `nudge` or `stop`.

        Args:
            seconds: How long at most.
            jitter: By which part of that it may be shorter, so that many processes do not act in step.

        Returns:
            Whether the loop has been asked to end.
        """
        self._nudged.wait(max(0.0, seconds * (1 - jitter * random.random())))
        if not self.stopping:
            self._nudged.clear()
        return self.stopping

    def nudge(self) -> None:
        """End the pause that the loop is in, or its next one."""
        self._nudged.set()

    def _main(self) -> None:
        try:
            self.run()
        except Exception:
            log.exception("%s has ended by an error", self.name)


class Signal(Generic[T]):
    """Tells tests that something happened, with a value. Where nobody listens, firing costs next to nothing."""

    def __init__(self) -> None:
        self._heard: queue.SimpleQueue[T] | None = None

    def listen(self) -> Callable[[float], T]:
        """Begin to listen; the function returned waits so many seconds for the next value, in order.

        Its error, when none comes, is `queue.Empty`.
        """
        heard: queue.SimpleQueue[T] = queue.SimpleQueue()
        self._heard = heard
        return lambda timeout: heard.get(timeout=timeout)

    def fire(self, value: T) -> None:
        heard = self._heard
        if heard is not None:
            heard.put(value)
