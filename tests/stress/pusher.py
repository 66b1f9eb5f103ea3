"""A program whose forks push a batch each, and die while they do: `python -m tests.stress.pusher URL`.

A line of its input asks for one: how to push, how many jobs, and the call to Redis before or after which to die, if any.
The fork prints its process id and its batches' ids, then the number of calls it made. The next line asks how it ended:
until then its process id is nobody else's.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from shiftboss import Shiftboss
from shiftboss.batches import Batch
from shiftboss.store import Store
from tests.stress.pushed_jobs import Ears, mark

calls = 0


def make() -> Batch:
    batch = Batch()
    for event in ("complete", "success", "death"):
        batch.on(event, Ears)
    return batch


def at_once(count: int, say: Callable[..., None]) -> None:
    """In one script: at most 1,000."""
    block(count, say)


def block(count: int, say: Callable[..., None]) -> None:
    """Positions are reserved, slices pushed, and the block closed."""
    batch = make()
    with batch.jobs():
        mark.perform_bulk([(number,) for number in range(count)])
        say(batch.bid)


def autoflush(count: int, say: Callable[..., None]) -> None:
    """The same in steps, while jobs are still being added."""
    batch = make()
    say(batch.bid)
    with batch.jobs(autoflush=count // 3 + 1):
        for number in range(count):
            mark.perform_async(number)


def blocks(count: int, say: Callable[..., None]) -> None:
    """Several blocks, in a batch that is held open around them."""
    batch = make()
    say(batch.bid)
    step = count // 3
    with batch:
        for start in range(0, count, step):
            with batch.jobs():
                mark.perform_bulk([(number,) for number in range(start, start + step)])


def nested(count: int, say: Callable[..., None]) -> None:
    """Two children in a parent's block; each of the three has a third of the jobs."""
    parent = make()
    with parent.jobs():
        children = [make(), make()]
        for batch in (parent, *children):
            with batch.jobs() if batch is not parent else parent.client:
                mark.perform_bulk([(number,) for number in range(count // 3)])
        say(parent.bid, *(child.bid for child in children))


WAYS = {way.__name__: way for way in (at_once, block, autoflush, blocks, nested)}


def die_around(number: int, when: str) -> None:
    """Have this process killed before it makes a call to Redis, or after the call was answered. Calls count from 1."""
    send = Store._send

    def sent(self: Store, *args: Any) -> Any:
        global calls
        calls += 1
        if (calls, when) == (number, "before"):
            os.kill(os.getpid(), signal.SIGKILL)
        replies = send(self, *args)
        if (calls, when) == (number, "after"):
            os.kill(os.getpid(), signal.SIGKILL)
        return replies

    Store._send = sent  # type: ignore[method-assign]


def push(url: str, order: dict[str, Any]) -> None:
    die_around(order["call"], order["when"])
    with Shiftboss(url) as client:
        WAYS[order["way"]](order["count"], lambda *bids: tell(pid=os.getpid(), bids=bids))
        client.close()
    tell(calls=calls)


def tell(**facts: Any) -> None:
    os.write(1, f"{json.dumps(facts)}\n".encode())


def main(url: str) -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                push(url, json.loads(line))
            finally:
                os._exit(0)
        sys.stdin.readline()
        _, status = os.waitpid(child, 0)
        tell(ended=os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main(sys.argv[1])
