"""What happens, told to who wants to hear it: logging, metrics, functions of yours.

    unsubscribe = subscribe(lambda event: print(event.name, event.data), "batch.success", "leader.elected")

Telling is off the hot path. `emit` puts an event into a bounded queue and returns; a thread of its own, started with the
first subscriber, hands it on. A subscriber that raises is logged, one that is too slow loses events (`lost` counts them),
and where nobody listens an event costs a look into an empty set.
"""

from __future__ import annotations

import atexit
import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from shiftboss.config import check_known

log = logging.getLogger("shiftboss.events")
# How many events may wait for subscribers that are slow.
LIMIT = 10_000

CATALOGUE: Mapping[str, str] = {
    "batch.created": "a batch was written down: bid, description",
    "batch.complete": "every member has run at least once: bid",
    "batch.success": "every member succeeded: bid",
    "batch.death": "the first member died, of it or below it: bid",
    "batch.finished": "every member succeeded or died: bid",
    "limiter.over_limit": "a limiter refused: limiter, kind, retry_after (seconds or None)",
    "limiter.outage": "a limiter decided without Redis, as `on_outage` says: limiter, kind, answer (allowed, denied), error (its class)",
    "limiter.waited": "a limiter let somebody in after a wait: limiter, kind, seconds",
    "tick.claimed": "a periodic job was enqueued: schedule, entry, planned (epoch seconds), lateness (seconds), jid",
    "tick.caught_up": "a tick of the past was enqueued: schedule, entry, planned, lateness, jid",
    "tick.skipped": "a tick was left out: schedule, entry, planned, reason",
    "leader.elected": "this process leads a schedule: schedule, term",
    "leader.deposed": "this process leads a schedule no more: schedule, term, reason",
    "job.started": "a run began: name, queue, jid",
    "job.done": "a run succeeded: name, queue, jid, seconds",
    "job.failed": "a run failed, the job will run again: name, queue, jid, seconds, error (its class)",
    "job.died": "a run failed, the job will not run again: name, queue, jid, seconds, error (its class)",
    "job.put_back": "a run did not count, the job will run again: name, queue, jid, reason (rescheduled, interrupted)",
}


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened in this process.

    Args:
        name: What, as in `CATALOGUE`.
        at: When, as epoch seconds by this process's clock.
        data: The rest, JSON values by name.
    """

    name: str
    at: float
    data: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """All of it in one flat dict."""
        return {"event": self.name, "at": self.at, **self.data}


Subscriber = Callable[[Event], object]


@dataclass(frozen=True, slots=True, eq=False)
class _Subscription:
    subscriber: Subscriber
    names: frozenset[str]


class _Hub:
    """The queue and the thread of one process."""

    def __init__(self, subscriptions: Iterable[_Subscription] = ()) -> None:
        self.subscriptions: tuple[_Subscription, ...] = ()
        self.wanted: frozenset[str] = frozenset()
        self.lost = 0
        self._waiting: queue.Queue[Event | threading.Event] = queue.Queue(LIMIT)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._set(subscriptions)

    def subscribe(self, subscription: _Subscription) -> None:
        with self._lock:
            self._set((*self.subscriptions, subscription))

    def unsubscribe(self, subscription: _Subscription) -> None:
        with self._lock:
            self._set(one for one in self.subscriptions if one is not subscription)

    def _set(self, subscriptions: Iterable[_Subscription]) -> None:
        self.subscriptions = tuple(subscriptions)
        self.wanted = frozenset().union(*(one.names for one in self.subscriptions))

    def put(self, event: Event) -> None:
        if self._thread is None:
            self._start()
        try:
            self._waiting.put_nowait(event)
        except queue.Full:
            self.lost += 1

    def flush(self, timeout: float) -> bool:
        if self._thread is None:
            return True
        reached = threading.Event()
        ends = time.monotonic() + timeout
        try:
            self._waiting.put(reached, timeout=timeout)
        except queue.Full:
            return False
        return reached.wait(max(0.0, ends - time.monotonic()))

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._deliver, name="shiftboss-events", daemon=True)
                self._thread.start()

    def _deliver(self) -> None:
        while True:
            event = self._waiting.get()
            if isinstance(event, threading.Event):
                event.set()
                continue
            for one in self.subscriptions:
                if event.name not in one.names:
                    continue
                try:
                    one.subscriber(event)
                except Exception:
                    log.exception("a subscriber failed on %s", event.name)


_hub = _Hub()


def subscribe(subscriber: Subscriber, *names: str) -> Callable[[], None]:
    """Have a function called with each `Event` of this process, from a thread of its own. No round trip.

    Args:
        subscriber: What is called. An error of it is logged.
        names: Which events, as in `CATALOGUE`; none means all.

    Returns:
        A function that ends it.

    Raises:
        ConfigError: There is no event of that name.

    Example:
        >>> from shiftboss import events
        >>> heard = []
        >>> end = events.subscribe(heard.append, "leader.elected")
        >>> events.emit("leader.elected", schedule="billing", term=7)
        >>> events.flush()
        True
        >>> heard[0].data["term"]
        7
        >>> end()
    """
    check_known("event", names, CATALOGUE)
    subscription = _Subscription(subscriber, frozenset(names or CATALOGUE))
    _hub.subscribe(subscription)
    return lambda: _hub.unsubscribe(subscription)


def is_heard(name: str) -> bool:
    """Whether anybody here listens to events of that name: who has to work for what it tells asks first."""
    return name in _hub.wanted


def emit(name: str, /, **data: Any) -> None:
    """Say that something happened. It never raises and never waits.

    Args:
        name: What, as in `CATALOGUE`.
        data: The rest, JSON values.
    """
    if name in _hub.wanted:
        _hub.put(Event(name, time.time(), data))


def flush(timeout: float = 5.0) -> bool:
    """Wait until what was emitted so far has been told; whether that was so within so many seconds."""
    return _hub.flush(timeout)


def lost() -> int:
    """How many events subscribers were too slow for, in this process."""
    return _hub.lost


def log_events(level: int = logging.INFO, *names: str) -> Callable[[], None]:
    """Write events to the logger ``shiftboss.events``, one line each; a function that ends it."""

    def write(event: Event) -> None:
        log.log(level, "%s %s", event.name, " ".join(f"{key}={value!r}" for key, value in event.data.items()))

    return subscribe(write, *names)


def _after_fork() -> None:
    """A child has the parent's subscribers and none of its threads, locks and waiting events."""
    global _hub
    _hub = _Hub(_hub.subscriptions)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
atexit.register(flush, 1.0)
