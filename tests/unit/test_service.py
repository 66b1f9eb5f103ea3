"""A loop in a thread: started once, stopped any number of times, awaited without sleeping."""

from __future__ import annotations

import queue
import threading
import time

import pytest

from shiftboss.service import Service, Signal


class Counter(Service):
    def __init__(self, seconds: float = 0.001) -> None:
        super().__init__("counter")
        self.counted: Signal[int] = Signal()
        self.count = 0
        self.seconds = seconds

    def run(self) -> None:
        while not self.pause(self.seconds):
            self.count += 1
            self.counted.fire(self.count)


def test_it_runs_in_a_named_daemon_thread_until_it_is_stopped() -> None:
    counter = Counter()
    counted = counter.counted.listen()
    counter.start()
    assert (counted(5), counted(5)) == (1, 2)
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "counter"]
    assert thread.daemon
    assert counter.running
    assert counter.stop()
    assert not counter.running
    assert not thread.is_alive()


def test_it_may_be_stopped_twice_and_before_it_was_started() -> None:
    counter = Counter()
    assert counter.stop()
    assert counter.stop()
    counter.start()
    assert not counter.running


def test_starting_twice_starts_one_thread() -> None:
    counter = Counter()
    counter.start()
    counter.start()
    assert sum(thread.name == "counter" for thread in threading.enumerate()) == 1
    counter.stop()


def test_it_may_stop_itself() -> None:
    class Once(Service):
        def run(self) -> None:
            self.stop()

    once = Once("once")
    once.start()
    assert once.stop(5)


def test_a_stop_ends_a_long_pause_at_once() -> None:
    counter = Counter(seconds=3600)
    counter.start()
    began = time.monotonic()
    counter.stop()
    assert time.monotonic() - began < 5


def test_a_nudge_ends_one_pause_also_if_it_comes_before() -> None:
    counter = Counter(seconds=3600)
    counted = counter.counted.listen()
    counter.nudge()
    counter.start()
    assert counted(5) == 1
    with pytest.raises(queue.Empty):
        counted(0.01)
    counter.nudge()
    assert counted(5) == 2
    counter.stop()


def test_a_stop_gives_up_waiting_in_time() -> None:
    gate = threading.Event()

    class Deaf(Service):
        def run(self) -> None:
            gate.wait(30)

    deaf = Deaf("deaf")
    deaf.start()
    assert not deaf.stop(0.01)
    gate.set()
    assert deaf.stop(5)


def test_an_error_is_logged_and_ends_it(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Service):
        def run(self) -> None:
            raise RuntimeError("broken")

    broken = Broken("fragile")
    broken.start()
    assert broken.stop(5)
    assert "fragile has ended by an error" in caplog.text
