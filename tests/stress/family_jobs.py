"""Members and callbacks that tell what they do: `shiftboss worker --require tests.stress.family_jobs`.

What happened goes to a file that lines are appended to, at once: what was told is not lost with a process that is killed.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from shiftboss import Job, current_job
from shiftboss.batches import Status
from shiftboss.jobs import Member

QUEUE = "family"


class Work(Job, queue=QUEUE, retry=5):
    """Succeeds; `kind` once fails the first time, too."""

    def perform(self, trace: str, kind: str) -> None:
        current = current_job()
        assert current is not None
        if kind == "once" and current.retry_count == 0:
            raise RuntimeError("the first time it fails")
        tell(trace, "done", *place())

    def retry_in(self, count: int, error: BaseException) -> float:
        return 0.01


class Dies(Job, queue=QUEUE, retry=0):
    """Dies."""

    def perform(self, trace: str) -> None:
        tell(trace, "died", *place())
        raise RuntimeError("as it was told to")


class Waiter(Job, queue=QUEUE, retry=5):
    """Waits for others."""

    def perform(self, trace: str) -> None:
        current = current_job()
        assert current is not None
        assert current.message.batch is not None
        tell(trace, "waited", current.message.batch.bid)


class Ears:
    def on_complete(self, status: Status, options: dict[str, Any]) -> None:
        tell(options["trace"], "heard", status.bid, "complete")

    def on_success(self, status: Status, options: dict[str, Any]) -> None:
        tell(options["trace"], "heard", status.bid, "success")

    def on_death(self, status: Status, options: dict[str, Any]) -> None:
        tell(options["trace"], "heard", status.bid, "death")

    def on_finished(self, status: Status, options: dict[str, Any]) -> None:
        tell(options["trace"], "heard", status.bid, "finished")


def place() -> tuple[str, int]:
    """Which member runs here."""
    current = current_job()
    assert current is not None
    member = current.message.batch
    assert isinstance(member, Member)
    return member.bid, member.position


def tell(trace: str, *facts: object) -> None:
    os.write(_opened(trace), f"{' '.join(map(str, facts))}\n".encode())


@cache
def _opened(trace: str) -> int:
    return os.open(trace, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
