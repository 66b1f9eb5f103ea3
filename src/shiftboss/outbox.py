"""The outbox: nothing is decided without being written down.

A script that decides something with a consequence elsewhere (a callback to enqueue, a parent to tell) writes the
consequence into its shard's outbox in the same moment, and returns it. The caller performs it at once and strikes it
off. What a crash or a lost reply left behind is found by `reap`, which any process may run; one at a time does.

Consequences carry ids that follow from what they are, so performing one twice is harmless.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from shiftboss import keys
from shiftboss.decoders import texts
from shiftboss.errors import ShiftbossError
from shiftboss.plan import Plan, run, run_many
from shiftboss.scripts import Call, command, script

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss

log = logging.getLogger("shiftboss.outbox")
# How long the process that decided has for performing, and one that claimed, before another may: milliseconds.
GRACE = 10_000
PAGE = 100
REAPER_LEASE = 30_000


def claim(out: str, lease: int, limit: int, ahead: int) -> Call[list[str]]:
    """Take what is due in one outbox; see ``lua/outbox/claim.lua``."""
    return script("outbox/claim").call(texts, [out], [lease, limit, ahead])


def lead(reaper: str, owner: str, lease: int) -> Call[bool]:
    """Become or stay the one that reaps; see ``lua/outbox/lead.lua``."""
    return script("outbox/lead").call(bool, [reaper], [owner, lease])


def strike_off(out: str, item: str) -> Call[int]:
    """Forget an item that has been performed."""
    return command("ZREM", [out], [item], int)


def perform(client: Shiftboss, out: str, items: Sequence[str]) -> Plan[None]:
    """Do what items say. One that fails stays where it is, for the reaper, and is logged; the others go on."""
    for item in items:
        extension = client.extensions.get(item.partition("|")[0])
        if extension is None:
            log.warning("outbox item %r is of a kind this release does not know; left for one that does", item)
            continue
        try:
            yield from extension.perform(item, out)
        except (ShiftbossError, OSError, RedisError) as error:
            log.warning("outbox item %r is left for the reaper: %s", item, error)
        except Exception:
            # Whatever it is, a callback that the engine chokes on or an item that nobody can read: the others go on.
            log.exception("outbox item %r failed, and is left for the reaper", item)


def settle(client: Shiftboss, out: str, items: Sequence[str], *, resent: bool) -> Plan[None]:
    """Perform what a script decided. After a resend its first reply is lost, so whatever is in the outbox is taken."""
    if resent:
        # Beyond the look ahead: what is being performed is not taken once more when a reply is lost in turn.
        items = yield from run(claim(out, 2 * GRACE, PAGE, GRACE))
    if items:
        yield from perform(client, out, items)


def reap(client: Shiftboss, owner: str) -> Plan[int]:
    """Perform what was left behind in any outbox, if this process is or becomes the reaper; how many items there were."""
    if not (yield from run(lead(keys.reaper(client.namespace), owner, REAPER_LEASE))):
        return 0
    outs: list[str] = []
    for extension in client.extensions.values():
        outs += yield from extension.outboxes()
    claimed = yield from run_many([claim(out, GRACE, PAGE, 0) for out in outs])
    for out, items in zip(outs, claimed, strict=True):
        if items:
            yield from perform(client, out, items)
    for extension in client.extensions.values():
        yield from extension.tend()
    return sum(map(len, claimed))
