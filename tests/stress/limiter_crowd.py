"""A crowd of processes around one concurrent limiter, of which one is killed again and again: ``limiter_crowd URL NAMESPACE NOTES SEED KILLS``.

Each process has threads and, every third one, tasks that are cancelled at random. Whoever gets a slot notes when the block began
and ended, by the clock that all processes of a machine share; a process that is killed is noted too. One process is never killed.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import threading
import time
from contextlib import suppress

from redis.exceptions import RedisError

from shiftboss import Shiftboss
from shiftboss.limiters import ConcurrentLimiter, OverLimit, concurrent

SLOTS = 5
LOCK_TIMEOUT = 1.0
PROCESSES, THREADS, TASKS = 6, 5, 5
HOLD = 0.06
PAUSE = (0.03, 0.2)
SURVIVOR = 0


def limiter(client: Shiftboss | None = None) -> ConcurrentLimiter:
    """The one that all are after. Whoever waits longer than a machine under fire can explain is refused."""
    return concurrent("fire", SLOTS, wait_timeout=20, lock_timeout=LOCK_TIMEOUT, client=client)


class Notes:
    """Lines that all processes append to one file."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def write(self, what: str, *values: object) -> None:
        line = " ".join(map(str, (time.monotonic_ns(), os.getpid(), what, *values)))
        os.write(self._file, f"{line}\n".encode())


def work(notes: Notes, member: int, over: threading.Event) -> None:
    """A thread of a process: takes a slot, holds it for a moment, gives it back."""
    while not over.is_set():
        try:
            with limiter().within_limit() as grant:
                notes.write("begin", grant.fence)
                over.wait(random.uniform(0, HOLD))
                notes.write("end", grant.fence)
        except OverLimit:
            notes.write("refused", member)
        except RedisError as error:
            notes.write("error", type(error).__name__)


async def awork(notes: Notes, member: int) -> None:
    """The same as a task, which may be cancelled anywhere."""
    while True:
        try:
            async with limiter().within_limit() as grant:
                notes.write("begin", grant.fence)
                try:
                    await asyncio.sleep(random.uniform(0, HOLD))
                finally:
                    notes.write("end", grant.fence)
        except OverLimit:
            notes.write("refused", member)
        except RedisError as error:
            notes.write("error", type(error).__name__)


async def storm(notes: Notes, member: int, over: threading.Event) -> None:
    """Tasks, of which one is cancelled every few milliseconds and replaced."""
    while not over.is_set():  # an event loop has connections of its own, to be made as those of threads
        with suppress(RedisError):
            await limiter().apeek()
            break
    tasks = [asyncio.create_task(awork(notes, member)) for _ in range(TASKS)]
    while not over.is_set():
        await asyncio.sleep(random.uniform(0, 0.02))
        number = random.randrange(TASKS)
        tasks[number].cancel()
        notes.write("cancelled")
        with suppress(asyncio.CancelledError):
            await tasks[number]
        tasks[number] = asyncio.create_task(awork(notes, member))
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def live(url: str, namespace: str, notes: Notes, member: int) -> None:
    """A process, until it is killed or told to end."""
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    threading.Thread(target=die_with, args=(os.getppid(),), daemon=True).start()
    with Shiftboss(url, namespace=namespace, timeout=20) as client:
        while not over.is_set():  # an address where nobody was ever reached counts as wrong, and is told at once
            with suppress(RedisError):
                limiter(client).peek()
                break

        def begin() -> None:
            with client:
                work(notes, member, over)

        threads = [threading.Thread(target=begin) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        if member % 3 == 1:
            asyncio.run(storm(notes, member, over))
        while any(thread.is_alive() for thread in threads):
            threads[0].join(0.1)


def die_with(parent: int) -> None:
    """End this process when its parent is gone, as a test that was given up leaves it."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def fork(url: str, namespace: str, notes: Notes, member: int) -> int:
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        random.seed()
        live(url, namespace, notes, member)
        code = 0
    finally:
        os._exit(code)


def main(url: str, namespace: str, path: str, seed: str, kills: str) -> None:
    """Fork the crowd, kill its members at random moments, and at last ask all of them to end."""
    notes, chance = Notes(path), random.Random(int(seed))
    crowd = [fork(url, namespace, notes, member) for member in range(PROCESSES)]
    time.sleep(0.5)
    for _ in range(int(kills)):
        time.sleep(chance.uniform(*PAUSE))
        number = chance.choice([n for n in range(PROCESSES) if n != SURVIVOR])
        os.kill(crowd[number], signal.SIGKILL)
        os.waitpid(crowd[number], 0)
        notes.write("killed", crowd[number])
        crowd[number] = fork(url, namespace, notes, number)
    time.sleep(0.5)
    for child in crowd:
        os.kill(child, signal.SIGTERM)
    ended = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in crowd]
    sys.exit(any(ended))


if __name__ == "__main__":
    main(*sys.argv[1:])
