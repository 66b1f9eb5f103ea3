"""Large batches: the pusher's memory is bounded, and a member costs Redis a few bits."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from shiftboss import Shiftboss
from shiftboss.batches import Batch, calls
from shiftboss.batches.hold import Hold
from shiftboss.keys import BatchKeys
from shiftboss.outbox import GRACE
from shiftboss.plan import run
from tests.backends import Backend
from tests.stress.fleet import ROOT

MOST_BYTES = 150_000_000


def push(backend: Backend, count: int, how: str) -> tuple[str, int]:
    """Push so many from a process of its own; the batch's id, and the peak of the process's memory."""
    command = [sys.executable, "-m", "tests.stress.large_batch", backend.url, str(count), how]
    told = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)
    return told["bid"], told["peak"]


def size(backend: Backend, keys: BatchKeys) -> int:
    """Bytes that a batch's keys take, the list of its shard apart."""
    return sum(
        backend.raw.memory_usage(key, samples=0) or 0
        for key in (keys.record, keys.ran, keys.done, keys.dead, keys.failures, keys.results)
    )


def length(backend: Backend, keys: BatchKeys) -> int:
    """The same without what the allocator adds: it hands out sizes in steps of up to a quarter."""
    bitmaps: int = sum(backend.raw.strlen(key) for key in (keys.ran, keys.done, keys.dead))
    return (
        bitmaps + size(backend, keys) - sum(backend.raw.memory_usage(key) for key in (keys.ran, keys.done, keys.dead))
    )


@pytest.mark.backends("embedded", "redis")
@pytest.mark.parametrize("how", ["single", "bulk"])
def test_a_large_batch_is_pushed_in_bounded_memory(client: Shiftboss, backend: Backend, how: str) -> None:
    few, many = push(backend, 20_000, how), push(backend, 120_000, how)
    # Only the ids are kept, of 81 bytes each, in one list or in two; the jobs are not.
    assert many[1] - few[1] < 100_000 * 200
    assert Batch.open(many[0]).status().total == 120_000
    assert backend.raw.llen("queue:large") == 140_000


@pytest.mark.stress
@pytest.mark.timeout(300)
@pytest.mark.backends("embedded", "redis")
@pytest.mark.parametrize("how", ["single", "bulk"])
def test_a_million_members_are_pushed_in_150_megabytes(client: Shiftboss, backend: Backend, how: str) -> None:
    bid, peak = push(backend, 1_000_000, how)
    print(f"peak {peak / 1e6:.0f} MB")
    assert peak <= MOST_BYTES
    assert Batch.open(bid).status().total == 1_000_000
    assert backend.raw.llen("queue:large") == 1_000_000


@pytest.mark.backends("embedded", "redis")
@pytest.mark.parametrize("steps", [1, 100])
def test_a_member_costs_three_bits_and_six_where_the_batch_grew(
    client: Shiftboss, backend: Backend, steps: int
) -> None:
    batch, total = Batch(), 1_000_000
    hold = Hold(batch)
    client.perform(hold.open("low"))
    for _ in range(steps):
        client.perform(hold.reserve(total // steps))
    client.perform(hold.close())
    assert size(backend, batch.keys) <= (3 if steps == 1 else 6) * total / 8 + 4_096
    # The third bitmap is there once a member has died; at its longest when the last has.
    client.perform(run(calls.ack(batch.keys, batch.bid, "low", GRACE, [total - 1, "d", ""])))
    assert length(backend, batch.keys) <= 3 * total / 8 + 4_096
    assert size(backend, batch.keys) <= (3.75 if steps == 1 else 6) * total / 8 + 4_096
