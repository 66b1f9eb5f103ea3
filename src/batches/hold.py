"""Holding a batch open while it is added to in steps, with a lease that shows that its owner is alive."""

from __future__ import annotations

import logging
import os
import secrets
import threading
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from redis.exceptions import RedisError

from shiftboss.errors import BatchError
from shiftboss.keys import ShardKeys, shard_of
from shiftboss.outbox import GRACE, settle
from shiftboss.plan import Plan, deliver, run, undo

from . import calls
from .refusals import check_added

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss

    from .batch import Batch

log = logging.getLogger("shiftboss.batches")
# Milliseconds without a sign of life after which a block's owner counts as dead; signs come three times as often.
LEASE = 60_000


class Hold:
    """A claim to a batch being open, of a block or of ``with Batch()``; any number of threads and tasks may share it."""

    def __init__(self, batch: Batch, *, resume: bool = False) -> None:
        self.is_open = False
        self._batch = batch
        self._resume = resume
        self._token = secrets.token_hex(8)
        self._process = os.getpid()

    @property
    def is_mine(self) -> bool:
        """Whether this process made it, and is not one that was forked since."""
        return self._process == os.getpid()

    def open(self, queue: str = "") -> Plan[None]:
        """Open the batch, which is made if it is new. Again is harmless, also at the same time.

        Raises:
            BatchNotFound, BatchClosed: It takes no more jobs.
        """
        if self.is_open:
            return
        batch, token = self._batch, self._token
        parent = batch.parent
        if parent is None or batch.is_known:
            inside = yield from batch.is_inside()
            record = batch.record(queue)
            status = yield from run(
                calls.open(batch.keys, batch.bid, token, LEASE, batch.ttl, inside, self._resume, record)
            )
            check_added(batch.bid, status)
        else:
            if batch.born_in is not None and not batch.born_in.ended:
                yield from batch.born_in.hold_open()
            inside = yield from parent.is_inside()
            opening = calls.open_child(
                batch.keys, parent.keys, batch.bid, token, LEASE, batch.ttl, inside, parent.bid, batch.record(queue)
            )
            status = yield from run(opening)
            if status == "missing":
                raise parent.not_found()
            check_added(parent.bid, status)
        batch.mark_flushed()
        keeper_of(batch.client).add(batch.bid, token)
        self.is_open = True

    def reserve(self, n: int) -> Plan[int]:
        """Places for n members; the first position.

        Raises:
            BatchClosed: The lease had ended: this process was thought dead.
        """
        batch = self._batch
        reserved = yield from run(calls.add(batch.keys, batch.bid, self._token, secrets.token_hex(8), n, LEASE))
        check_added(batch.bid, reserved.status)
        return reserved.base

    def close(self) -> Plan[None]:
        """Let the batch complete.

        Raises:
            BatchClosed: The lease had ended, and the batch counts as broken.
        """
        batch = self._batch
        self.let_go()
        sent = yield from deliver(calls.close(batch.keys, batch.bid, self._token, GRACE, ""))
        if not sent.resent:
            check_added(batch.bid, sent.result.status)
        yield from settle(batch.client, batch.keys.out, sent.result.items, resent=sent.resent)

    def let_go(self) -> None:
        """Renew the lease no more: pushing failed half-way, and the batch is broken when it ends."""
        keeper_of(self._batch.client).remove(self._batch.bid, self._token)

    def abandon(self) -> Plan[None]:
        """Because of an error, whose place no other takes: leave the batch broken, for not all that was to be added has been.
        Where Redis is away, it will be when the lease has ended.
        """
        self.let_go()
        yield from undo(self._abandon())

    def _abandon(self) -> Plan[None]:
        batch = self._batch
        sent = yield from deliver(calls.abandon(batch.keys, batch.bid, self._token, GRACE, "", False))
        yield from settle(batch.client, batch.keys.out, sent.result.items, resent=sent.resent)


class Keeper:
    """Renews the leases of this process's open blocks from a thread, which lives as long as there are any."""

    def __init__(self, client: Shiftboss) -> None:
        self._client = client
        self._blocks: set[tuple[str, str]] = set()
        self._lock = threading.Lock()
        self._idle: threading.Event | None = None
        self._thread: threading.Thread | None = None

    def add(self, bid: str, token: str) -> None:
        with self._lock:
            self._blocks.add((bid, token))
            if self._thread is None or not self._thread.is_alive():
                self._idle = threading.Event()
                self._thread = threading.Thread(
                    target=self._renew, args=[self._idle], name="shiftboss-blocks", daemon=True
                )
                self._thread.start()

    def remove(self, bid: str, token: str) -> None:
        with self._lock:
            self._blocks.discard((bid, token))
            if not self._blocks and self._idle is not None:
                self._idle.set()
                self._idle = self._thread = None

    def _renew(self, idle: threading.Event) -> None:
        while not idle.wait(LEASE / 3000):
            with self._lock:
                shards: dict[str, list[str]] = {}
                for bid, token in self._blocks:
                    shards.setdefault(shard_of(bid), []).append(f"{bid}|{token}")
            renewals = [
                calls.renew(ShardKeys(self._client.namespace, shard), LEASE, blocks) for shard, blocks in shards.items()
            ]
            try:
                self._client.store.run_many(renewals)
            except (RedisError, OSError, BatchError) as error:
                log.warning("open batch blocks could not be renewed, trying again: %s", error)


_keepers: WeakKeyDictionary[Shiftboss, Keeper] = WeakKeyDictionary()


def keeper_of(client: Shiftboss) -> Keeper:
    """The client's keeper, one in each process."""
    keeper = _keepers.get(client)
    return _keepers.setdefault(client, Keeper(client)) if keeper is None else keeper


if hasattr(os, "register_at_fork"):
    # What the parent holds is the parent's to renew.
    os.register_at_fork(after_in_child=_keepers.clear)
