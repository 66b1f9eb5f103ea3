"""Taking a batch back: saying that it is not wanted any more, and forgetting it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from shiftboss import keys
from shiftboss.outbox import GRACE, settle
from shiftboss.plan import Plan, deliver, run

from . import calls

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss

# Milliseconds that it is remembered: as long as a batch in which a job died is.
KEEP = 180 * 86_400_000


def invalidate(client: Shiftboss, bid: str) -> Plan[bool | None]:
    """Whether that is news; None where there is no such batch."""
    news = yield from run(calls.invalidate(client.batch_keys(bid), bid, KEEP))
    if news < 0:
        return None
    # After it is written down: who sees this change asks, and must be told.
    yield from run(calls.announce(keys.unwanted(client.namespace), secrets.token_hex(8), KEEP))
    return news == 1


def is_valid(client: Shiftboss, bid: str) -> Plan[bool]:
    """Whether neither it nor one above it was invalidated."""
    return not (yield from run(calls.is_invalidated(client.batch_keys(bid), bid)))


def delete(client: Shiftboss, bid: str) -> Plan[bool]:
    """Whether it was there."""
    batch = client.batch_keys(bid)
    there = yield from run(calls.exists(batch))
    sent = yield from deliver(calls.delete(batch, bid, GRACE))
    yield from settle(client, batch.out, sent.result, resent=sent.resent)
    return there
