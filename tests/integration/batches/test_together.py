"""One batch that many threads or tasks add to at the same time, and what a fork leaves of that."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from shiftboss.batches import Batch, BatchClosed
from shiftboss.batches.hold import keeper_of
from shiftboss.client import Shiftboss
from shiftboss.store import command
from tests.integration.batches.crew import Crew, Site


def open_blocks(site: Site, batch: Batch) -> int:
    return site.client.store.run(command("ZCARD", [batch.keys.holds], [], int))


def test_threads_that_add_to_a_batch_that_is_held_open_share_its_hold(site: Site) -> None:
    with Batch() as batch:

        def add(number: int) -> None:
            with site.client, batch.jobs():
                site.push(number)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(add, range(40)))
        assert open_blocks(site, batch) == 1
    assert open_blocks(site, batch) == 0
    places = [message.batch.position for message in site.crew.members]  # type: ignore[union-attr]
    assert sorted(places) == list(range(40))
    site.end_all()
    assert batch.status().state == "succeeded"


def test_tasks_that_add_to_a_batch_that_is_held_open_share_its_hold(site: Site) -> None:
    async def add(batch: Batch, number: int) -> None:
        async with batch.jobs():
            await site.apush(number)

    async def main() -> Batch:
        async with Batch() as batch:
            await asyncio.gather(*(add(batch, number) for number in range(20)))
            assert open_blocks(site, batch) == 1
        await site.client.aclose()
        return batch

    batch = asyncio.run(main())
    assert open_blocks(site, batch) == 0
    site.end_all()
    assert batch.status().state == "succeeded"


def test_children_that_are_pushed_at_the_same_time_open_their_parent_once(site: Site) -> None:
    async def child(number: int) -> None:
        async with Batch().jobs(autoflush=2):
            for _ in range(4):
                await site.apush(number)

    async def main() -> Batch:
        parent = Batch()
        async with parent.jobs():
            await asyncio.gather(*(child(number) for number in range(3)))
        await site.client.aclose()
        return parent

    parent = asyncio.run(main())
    assert open_blocks(site, parent) == 0
    site.end_all()
    assert parent.status().state == "succeeded"


def test_an_exception_that_leaves_a_block_with_autoflush_breaks_a_batch_that_is_held_open(site: Site) -> None:
    with pytest.raises(BatchClosed, match="is broken"), Batch() as batch:
        with pytest.raises(KeyError), batch.jobs(autoflush=2):
            for number in range(5):
                site.push(number)
            raise KeyError
        assert batch.status().broken
    site.end_all()
    assert (batch.status().state, batch.status().success_at) == ("broken", None)


FORKS = [
    pytest.mark.backends("embedded"),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here"),
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]


def forks(test: Callable[..., None]) -> Callable[..., None]:
    for mark in FORKS:
        test = mark(test)
    return test


def in_a_forked_child(action: Callable[[], object]) -> int:
    """What the process exits with that was forked to do this: 0 if it returns something true."""
    pid = os.fork()
    if pid == 0:
        try:
            code = int(not action())
        except BaseException:
            code = 2
        os._exit(code)
    return os.waitpid(pid, 0)[1] >> 8


@forks
def test_a_forked_child_is_told_that_its_push_would_be_lost(new_client: Callable[..., Shiftboss]) -> None:
    with new_client(engine=Crew()) as client:
        site = Site(client, Crew())

        def push() -> bool:
            with pytest.raises(BatchClosed, match="is open in the process that this one was forked from"):
                site.push(2)
            return True

        with Batch().jobs() as block:
            site.push(1)
            assert in_a_forked_child(push) == 0
        assert (block.batch.status().total, len(block.ids)) == (1, 1)


@forks
@pytest.mark.parametrize("error", [None, KeyError()])
def test_a_forked_child_that_leaves_a_block_pushes_and_ends_nothing(
    new_client: Callable[..., Shiftboss], error: BaseException | None
) -> None:
    with new_client(engine=Crew()) as client:
        site = Site(client, Crew())
        with Batch() as batch, batch.jobs() as block:
            site.push(1)

            def leave() -> bool:
                block.__exit__(None if error is None else KeyError, error, None)
                batch.__exit__(None if error is None else KeyError, error, None)
                return True

            assert in_a_forked_child(leave) == 0
            site.push(2)
            assert batch.status().open
        status = batch.status()
        assert (status.total, status.broken, status.open) == (2, False, False)


@forks
def test_a_forked_child_renews_none_of_its_parents_blocks(new_client: Callable[..., Shiftboss]) -> None:
    client = new_client()
    keeper_of(client).add("3f00000000000000", "token")
    try:
        assert in_a_forked_child(lambda: not keeper_of(client)._blocks) == 0
        assert keeper_of(client)._blocks
    finally:
        keeper_of(client).remove("3f00000000000000", "token")
