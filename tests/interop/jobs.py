"""The Python side of the tests: jobs that write down that they ran, and stand-ins for Ruby's jobs."""

from __future__ import annotations

import json
import threading
from typing import Any

from shiftboss import Job, current_client, current_job, job
from shiftboss.scripts import command

gate = threading.Event()


def noted(*facts: Any) -> None:
    line = json.dumps(["python", *facts])
    current_client().store.run(command("RPUSH", ["test:notes"], [line], int))


@job(name="PythonNote", queue="python")
def python_note(*args: Any) -> None:
    current = current_job()
    assert current is not None
    noted(current.jid, list(args))


@job(name="PythonFail", queue="python", retry=3)
def python_fail(text: str) -> None:
    noted("failing", text)
    raise ValueError(text)


@job(name="PythonHold", queue="python")
def python_hold(text: str) -> None:
    noted("holding", text)
    gate.wait(30)


class Note(Job, name="Note", queue="ruby"):
    """Ruby's; its body is there."""

    def perform(self, *args: Any) -> None: ...


class Fail(Job, name="Fail", queue="ruby", retry=3):
    """Ruby's; it raises."""

    def perform(self, text: str) -> None: ...


@job(name="ended", queue="python")
def ended(bid: str, options: dict[str, Any]) -> None:
    noted("ended", bid)
