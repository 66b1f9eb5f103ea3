"""Jobs that the worker's tests run."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from shiftboss import Job, Queue, current_client, current_job, job

# What the jobs of this process saw, in order, and what those that wait wait for.
seen: list[Any] = []
gate = threading.Event()


def reset() -> None:
    seen.clear()
    gate.clear()


@job(name="note")
def note(what: Any) -> None:
    seen.append(what)


@job(name="anote")
async def anote(what: Any) -> None:
    await asyncio.sleep(0)
    seen.append(what)


@job(name="take_over", queue="takeovers", retry=3)
def take_over(bid: str, options: dict[str, Any]) -> None:
    seen.append((bid, options))


@job(name="about")
def about() -> None:
    current = current_job()
    assert current is not None
    seen.append((current.jid, current.queue, current.retry_count, current_client()))


@job(name="hold")
def hold(what: Any) -> None:
    seen.append(what)
    gate.wait(30)


@job(name="ahold")
async def ahold(what: Any) -> None:
    seen.append(what)
    while not gate.is_set():  # noqa: ASYNC110  the gate is for threads too
        await asyncio.sleep(0.005)


@job(name="careful")
async def careful(what: Any) -> None:
    seen.append(what)
    try:
        await asyncio.sleep(60)
    finally:
        await asyncio.sleep(0.05)
        seen.append(("cleaned up", len(Queue())))


@job(name="fail")
def fail(text: str) -> None:
    seen.append(text)
    raise ValueError(text)


@job(name="leave")
def leave() -> None:
    raise SystemExit(3)


class Stubborn(Job, name="Stubborn", retry=1):
    def perform(self, text: str) -> None:
        raise LookupError(text)

    def retry_in(self, count: int, error: BaseException) -> float | None:
        return 1000 * (count + 1)

    def exhausted(self, job: Any, error: BaseException) -> None:
        seen.append((job.jid, repr(error)))


def append(path: str, line: str) -> None:
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")


@job(name="write")
def write(path: str, line: str) -> None:
    append(path, line)


@job(name="write_and_wait")
def write_and_wait(path: str, line: str, until: str) -> None:
    append(path, line)
    while not Path(until).exists():
        time.sleep(0.005)


@job(name="fork", retry=0)
def fork(path: str, how: str) -> None:
    child = os.fork()
    if not child:
        append(path, f"child {how}")
        if how == "exit":
            sys.exit(3)
        if how == "raise":
            raise ValueError(how)
        return
    _, status = os.waitpid(child, 0)
    append(path, f"{how} {os.waitstatus_to_exitcode(status)}")


@job(name="end_child")
def end_child(path: str) -> None:
    child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
    child.start()
    child.terminate()
    child.join(20)
    append(path, f"child {child.exitcode}")
    child.kill()


@job(name="pause")
def pause(what: Any) -> None:
    time.sleep(0.005)
    seen.append(what)
