"""Results: what the members of a batch `report`, read in their order by its callbacks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from shiftboss.client import current_client
from shiftboss.errors import BatchError
from shiftboss.jobs import Member, current_job
from shiftboss.plan import Plan, run, run_both

from . import calls

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss

RESULT_LIMIT = 4096
PAGE = 500


def report(value: Any) -> bool:
    """Keep a value of the running job for the callbacks of its batch, in place of one it reported before: a job that runs
    again overwrites, so that there is one result for each member. One round trip.

    Args:
        value: JSON, at most 4 kB.

    Returns:
        Whether it is kept. It is not where the job is no member of a batch, and where its batch was not made with
        ``results=True``: such a job reports to nobody.

    Raises:
        BatchError: It is not JSON, or would come back changed, or is too large.

    Example:
        >>> report({"bytes": 512})
        False
    """
    return current_client().perform(_report(value))


async def areport(value: Any) -> bool:
    """As `report`, for coroutines."""
    return await current_client().aperform(_report(value))


def read_results(client: Shiftboss, bid: str) -> Iterator[Any]:
    """What the members of a batch reported, in their order, without those that did not. One round trip for each 500."""
    for first in client.perform(_pages(client, bid)):
        yield from client.perform(_page(client, bid, first))


async def aread_results(client: Shiftboss, bid: str) -> AsyncIterator[Any]:
    """As `read_results`, for coroutines."""
    for first in await client.aperform(_pages(client, bid)):
        for value in await client.aperform(_page(client, bid, first)):
            yield value


def _report(value: Any) -> Plan[bool]:
    text, job = _to_json(value), current_job()
    if job is None or not isinstance(job.message.batch, Member):
        return False
    member = job.message.batch
    return (yield from run(calls.report(current_client().batch_keys(member.bid), member.position, text)))


def _pages(client: Shiftboss, bid: str) -> Plan[range]:
    keys = client.batch_keys(bid)
    reported, (total,) = yield from run_both(calls.reported(keys), calls.fields(keys, ["total"]))
    return range(0, int(total or 0) if reported else 0, PAGE)


def _page(client: Shiftboss, bid: str, first: int) -> Plan[list[Any]]:
    texts = yield from run(calls.results(client.batch_keys(bid), first, PAGE))
    return [msgspec.json.decode(text) for text in texts if text is not None]


def _to_json(value: Any) -> str:
    try:
        text = msgspec.json.encode(value)
        same = msgspec.json.decode(text) == value
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise BatchError(f"a result must be JSON: {error}, in {value!r:.200}") from None
    if not same:
        raise BatchError(f"a result must be JSON: this would come back changed: {value!r:.200}")
    if len(text) > RESULT_LIMIT:
        raise BatchError(
            f"a result may be {RESULT_LIMIT:,} bytes of JSON, got {len(text):,}; store the data and report where it is"
        )
    return text.decode()
