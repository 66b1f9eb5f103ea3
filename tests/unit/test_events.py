"""Events: told to who subscribes, from a thread of their own, and never in anyone's way."""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import shiftboss
from shiftboss import events
from shiftboss.errors import ConfigError
from shiftboss.events import Event


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A queue and a thread of the test's own."""
    monkeypatch.setattr(events, "_hub", events._Hub())
    yield
    assert events.flush()


def test_a_subscriber_hears_what_it_asked_for_in_order() -> None:
    heard: list[Event] = []
    events.subscribe(heard.append, "batch.success", "leader.elected")
    events.emit("batch.success", bid="3f")
    events.emit("batch.death", bid="3f")
    events.emit("leader.elected", schedule="billing", term=7)
    assert events.flush()
    assert [event.name for event in heard] == ["batch.success", "leader.elected"]
    assert heard[1].to_dict() == {"event": "leader.elected", "at": heard[1].at, "schedule": "billing", "term": 7}


def test_without_names_everything_is_heard_until_the_end() -> None:
    heard: list[Event] = []
    end = events.subscribe(heard.append)
    events.emit("batch.success", bid="3f")
    assert events.flush()
    end()
    events.emit("batch.success", bid="40")
    assert events.flush()
    assert [event.data["bid"] for event in heard] == ["3f"]


def test_it_is_told_from_another_thread() -> None:
    threads: list[int] = []
    events.subscribe(lambda event: threads.append(threading.get_ident()))
    events.emit("batch.success", bid="3f")
    assert events.flush()
    assert threads
    assert threads[0] != threading.get_ident()


def test_where_nobody_listens_no_thread_is_started() -> None:
    events.emit("batch.success", bid="3f")
    assert events._hub._thread is None


def test_an_error_of_a_subscriber_is_logged_and_keeps_nobody_from_hearing(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[Event] = []
    events.subscribe(lambda event: 1 / 0)
    events.subscribe(heard.append)
    events.emit("batch.success", bid="3f")
    assert events.flush()
    assert len(heard) == 1
    assert "a subscriber failed on batch.success" in caplog.text


def test_a_slow_subscriber_loses_events_and_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "LIMIT", 2)
    monkeypatch.setattr(events, "_hub", events._Hub())
    held, go_on = threading.Event(), threading.Event()

    def slow(event: Event) -> None:
        held.set()
        go_on.wait(10)

    events.subscribe(slow)
    events.emit("batch.success", bid="1")
    assert held.wait(10)
    for bid in ("2", "3", "4", "5"):
        events.emit("batch.success", bid=bid)
    assert events.lost() == 2
    assert not events.flush(0.01)
    go_on.set()


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"unknown event 'batch.sucess'; did you mean 'batch.success'\?"):
        events.subscribe(print, "batch.sucess")


def test_events_can_be_logged(caplog: pytest.LogCaptureFixture) -> None:
    events.log_events(logging.WARNING, "leader.elected")
    events.emit("leader.elected", schedule="billing", term=7)
    assert events.flush()
    assert "leader.elected schedule='billing' term=7" in caplog.text


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_process_tells_its_own_events() -> None:
    read, write = os.pipe()
    events.subscribe(lambda event: os.write(write, event.data["bid"].encode()))
    events.emit("batch.success", bid="p")
    assert events.flush()
    child = os.fork()
    if child == 0:
        events.emit("batch.success", bid="c")
        os._exit(0 if events.flush() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert os.read(read, 10) == b"pc"
    os.close(read)
    os.close(write)


def test_every_event_that_the_code_emits_is_in_the_catalogue() -> None:
    emitted = {
        name
        for file in Path(shiftboss.__file__).parent.rglob("*.py")
        for name in re.findall(r"""\bemit\(\s*["']([\w.]+)["']""", file.read_text())
    }
    assert emitted <= set(events.CATALOGUE)
