"""Running a callback: once at a time, and not again once it has succeeded."""

from __future__ import annotations

import asyncio
import inspect
import logging
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from shiftboss.errors import BatchError, BatchNotFound
from shiftboss.jobs import CallbackOf
from shiftboss.outbox import GRACE, settle
from shiftboss.plan import Plan, deliver

from . import calls
from .batch import Batch
from .callbacks import Callback, call

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss

log = logging.getLogger("shiftboss.batches")
# Milliseconds after which a run of a callback that gave no sign counts as dead, and a copy may start; signs come three
# times as often.
RUN_LEASE = 30_000


def run_callback(client: Shiftboss, bid: str, event: str, index: int) -> None:
    """The callback job: call the callback, unless it has run already or runs elsewhere.

    Raises:
        BatchNotFound: The batch has expired.
        BatchError: It runs elsewhere; or its module is not loaded here.
    """
    batch, owner = Batch.known(bid, client=client), secrets.token_hex(8)
    start = calls.start_callback(batch.keys, event, index, owner, RUN_LEASE)
    answer = client.store.run(start)
    if answer == -1:
        log.info("callback %s %s %s has run already", bid, event, index)
        return
    if answer == -2:
        raise BatchNotFound(f"no batch {bid} for the callback of its {event}: it has expired")
    if answer > 0:
        raise BatchError(
            f"callback {index} of {event} of batch {bid} runs elsewhere; a copy may start in {answer / 1000:.0f} s"
        )
    of, outcome = CallbackOf(bid, event, index), "failed"
    try:
        stored = client.store.run(calls.fields(batch.keys, [f"call:{event}:{index}"]))[0]
        if stored is None:
            raise BatchNotFound(f"batch {bid} has no callback {index} for {event}")
        with client, _signs_of_life(lambda: client.store.run(start)):
            result = call(Callback.from_json(stored), event, batch.status())
            if inspect.isawaitable(result):
                asyncio.run(_wait(result))
        outcome = "done"
    finally:
        client.perform(finish(client, of, owner, outcome))


def finish(client: Shiftboss, of: CallbackOf, owner: str, outcome: str) -> Plan[None]:
    """Record how a run of a callback ended, and perform what that brings about."""
    keys = client.batch_keys(of.bid)
    sent = yield from deliver(calls.finish_callback(keys, of.bid, of.event, of.index, owner, outcome, GRACE))
    yield from settle(client, keys.out, sent.result, resent=sent.resent)


@contextmanager
def _signs_of_life(give: Callable[[], object]) -> Iterator[None]:
    """Give a sign from time to time, from a thread, for as long as the block runs."""
    over = threading.Event()

    def main() -> None:
        while not over.wait(RUN_LEASE / 3000):
            try:
                give()
            except (RedisError, OSError) as error:
                log.warning("a callback's lease could not be renewed, trying again: %s", error)

    thread = threading.Thread(target=main, name="shiftboss-callback", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()


async def _wait(result: object) -> None:
    await result  # type: ignore[misc]
