"""Results: one for each member, in the order of the members, kept as long as the batch."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest

from shiftboss.batches import Batch, BatchError, Status, areport, current_batch, report
from shiftboss.client import Shiftboss
from shiftboss.errors import ConfigError
from shiftboss.jobs import CurrentJob, Message, running
from shiftboss.store import command
from shiftboss.trusted import trust
from tests.integration.batches.crew import Site

trust(__name__)
READ: list[Any] = []
DAY_MS = 86_400_000


def read(status: Status, options: dict[str, Any]) -> None:
    READ[:] = status.results()


async def aread(status: Status, options: dict[str, Any]) -> None:
    READ[:] = [value async for value in status.aresults()]


def batch_of(site: Site, jobs: int, **options: Any) -> Batch:
    batch = Batch(**{"results": True, **options}).on("success", read)
    with batch.jobs():
        for number in range(jobs):
            site.push(number)
    return batch


def life(site: Site, key: str) -> int:
    return site.client.store.run(command("PTTL", [key], [], int))


def as_member(message: Message, value: Any) -> bool:
    """Report a value as a member does while it runs."""
    with running(CurrentJob(message.id, message.queue, message)):
        return report(value)


def test_callbacks_read_results_in_member_order(site: Site) -> None:
    batch_of(site, 5)
    for message in reversed(site.crew.members):
        assert as_member(message, {"number": message.args[0]})
        site.end(message)
    site.call_back()
    assert [{"number": number} for number in range(5)] == READ


def test_a_coroutine_callback_streams_them(site: Site) -> None:
    batch = Batch(results=True).on("success", aread)
    with batch.jobs():
        site.push(0)
    as_member(site.crew.members[0], [1, None, "ü"])
    site.end_all()
    site.call_back()
    assert READ == [[1, None, "ü"]]


def test_a_repeat_of_a_run_overwrites_so_that_each_position_has_one_result(site: Site) -> None:
    batch = batch_of(site, 2)
    first, second = site.crew.members
    for value in ("first run", "first run", "second run"):
        as_member(first, value)
    as_member(second, "only run")
    assert list(batch.results()) == ["second run", "only run"]


def test_members_that_report_nothing_are_left_out(site: Site) -> None:
    batch = batch_of(site, 4)
    as_member(site.crew.members[2], 2)
    assert list(batch.results()) == [2]
    assert list(batch.status().results()) == [2]


def test_results_are_off_by_default(site: Site) -> None:
    batch = batch_of(site, 1, results=False)
    assert not as_member(site.crew.members[0], 1)
    assert list(batch.results()) == []
    assert life(site, batch.keys.results) == -2


def test_outside_of_a_member_there_is_nobody_to_report_to(site: Site) -> None:
    assert not report(1)
    with running(CurrentJob("ab12", "low", Message("job", (), "low", "ab12"))):
        assert not report(1)


def test_a_batch_that_is_gone_keeps_nothing(site: Site) -> None:
    batch = batch_of(site, 1)
    batch.delete()
    assert not as_member(site.crew.members[0], 1)
    assert list(batch.results()) == []


@pytest.mark.parametrize("value", [(1, 2), {1: 2}, {1, 2}, math.nan, b"bytes", object()])
def test_what_is_not_json_is_refused(site: Site, value: Any) -> None:
    with pytest.raises(BatchError, match="a result must be JSON"):
        report(value)


def test_a_result_is_at_most_4_kb(site: Site) -> None:
    batch = batch_of(site, 1)
    member = site.crew.members[0]
    as_member(member, "x" * 4094)
    with pytest.raises(
        BatchError, match="may be 4,096 bytes of JSON, got 4,097; store the data and report where it is"
    ):
        as_member(member, "x" * 4095)
    assert list(batch.results()) == ["x" * 4094]


def test_whether_results_are_kept_is_yes_or_no(client: Shiftboss) -> None:
    with pytest.raises(ConfigError, match="expected results to be True or False, got 'yes'"):
        Batch(results="yes")  # type: ignore[arg-type]


def test_results_live_as_long_as_their_batch(site: Site) -> None:
    batch = batch_of(site, 2)
    as_member(site.crew.members[0], 1)
    assert life(site, batch.keys.results) > life(site, batch.keys.record)
    for key in (batch.keys.results, batch.keys.record):
        site.client.store.run(command("PEXPIRE", [key], [60_000], int))
    site.age(batch.keys, DAY_MS)
    site.end(site.crew.members[0])
    assert life(site, batch.keys.results) > life(site, batch.keys.record) > 29 * DAY_MS
    batch.delete()
    assert life(site, batch.keys.results) == -2


def test_results_live_as_long_as_a_batch_that_was_held_open_until_its_members_had_ended(site: Site) -> None:
    with Batch(results=True, expires_in=60) as batch:
        with batch.jobs():
            site.push(1)
        as_member(site.crew.members[0], 1)
        site.end_all()
    assert life(site, batch.keys.results) > life(site, batch.keys.record) > 80_000_000


@pytest.mark.backends("embedded")
def test_more_than_a_page_of_results_are_streamed(site: Site) -> None:
    batch = batch_of(site, 1_234)
    for message in site.crew.members:
        if message.args[0] % 7 == 0:
            as_member(message, message.args[0])
    assert list(batch.results()) == [number for number in range(1_234) if number % 7 == 0]


@pytest.mark.asyncio
async def test_coroutines_report_and_read(site: Site) -> None:
    batch = Batch(results=True)
    async with batch.jobs():
        for number in range(3):
            await site.apush(number)

    async def run(message: Message) -> bool:
        with running(CurrentJob(message.id, "low", message)):
            found = current_batch()
            assert found is not None
            assert found.bid == batch.bid
            return await areport(message.args[0] * 10)

    assert await asyncio.gather(*map(run, site.crew.members)) == [True] * 3
    assert [value async for value in batch.aresults()] == [0, 10, 20]
    await site.client.aclose()
