"""Jobs for the tests of the test mode, which note what they did."""

from __future__ import annotations

from typing import Any

from shiftboss import Job, current_job, job, limiters
from shiftboss.batches import Batch, Status

noted: list[Any] = []
broken = False


@job(queue="low")
def note(value: Any) -> None:
    noted.append(value)


@job
async def note_later(value: Any) -> None:
    noted.append(value)


@job
def note_twice(value: Any) -> None:
    note.perform_async(value)
    note.perform_in(3600, value)


@job
def count_down(n: int) -> None:
    noted.append(n)
    if n:
        count_down.perform_async(n - 1)


@job(retry=3)
def fail_while_broken(value: Any) -> None:
    if broken:
        raise ValueError(f"broken: {value}")
    noted.append(value)


@job(retry=False)
def fail() -> None:
    raise ZeroDivisionError


@job
def forever() -> None:
    forever.perform_async()


@job
def note_who() -> None:
    current = current_job()
    assert current is not None
    noted.append((current.jid, current.queue))


@job
async def push_from_coroutine(value: Any) -> None:
    await note.aperform_async(value)


class Greet(Job, queue="mail"):
    def perform(self, name: str) -> None:
        noted.append(f"hello {name}")


one_at_a_time = limiters.concurrent("one", 1, wait_timeout=0, lock_timeout=30)


@job(limiter=one_at_a_time)
def alone(value: Any) -> None:
    noted.append(value)


def told(status: Status, options: Any) -> None:
    noted.append(("success", status.total, options))


def mourned(status: Status, options: Any) -> None:
    noted.append(("death", status.dead))


def invoice(*values: Any) -> Batch:
    batch = Batch()
    batch.on("success", told, {"month": "May"})
    batch.on("death", mourned)
    with batch.jobs():
        for value in values:
            note.perform_async(value)
    return batch
