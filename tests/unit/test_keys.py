"""Keys: every name that is built is in the catalogue, and what changes together shares a slot."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from redis.crc import key_slot

from shiftboss import keys
from shiftboss.catalogue import CATALOGUE, Row
from shiftboss.keys import BatchKeys, ConcurrentKeys, CountKeys, PeriodicKeys, ShardKeys, SidekiqKeys

HOLDERS: list[Any] = [
    BatchKeys("app", "3f0123456789"),
    ShardKeys("app", "3f"),
    ConcurrentKeys("app", "api"),
    CountKeys("app", "bucket", "api"),
    SidekiqKeys("app"),
    PeriodicKeys("app", "billing"),
]
# Prefixes and lists of keys, not keys.
NO_KEYS = {("ConcurrentKeys", "wake"), ("SidekiqKeys", "settled")}


def built() -> Iterator[tuple[str, str]]:
    """Every key that can be built, with where it comes from."""
    for holder in HOLDERS:
        kind = type(holder).__name__
        fields = set(holder.__dataclass_fields__)
        for name in dir(holder):
            if name.startswith("_") or name in fields or (kind, name) in NO_KEYS:
                continue
            value = getattr(holder, name)
            if callable(value):
                word = "host:1:abc" if name in {"process", "work", "inflight", "signals", "old_work"} else "x"
                moment = datetime(2026, 11, 25, 7, 4, tzinfo=UTC)
                value = value(*(moment if part == "at" else word for part in inspect.signature(value).parameters))
            yield f"{kind}.{name}", value
    yield "reaper", keys.reaper("app")
    yield "layout", keys.layout("app")
    yield "later", keys.later("app", "taskiq")
    yield "alive", keys.alive("app", "host-1")
    yield "unwanted", keys.unwanted("app")
    yield "schedules", keys.schedules("app")
    yield "limiters", keys.limiters("app")
    for kind in ("bucket", "window", "leaky", "points"):
        yield kind, keys.timed_limiter("app", kind, "api")


BUILT = dict(built())


@pytest.mark.parametrize("source", BUILT)
def test_every_key_is_in_the_catalogue(source: str) -> None:
    assert any(row.matches(BUILT[source], "app") for row in CATALOGUE), BUILT[source]


@pytest.mark.parametrize("row", CATALOGUE, ids=lambda row: row.pattern)
def test_every_row_of_the_catalogue_is_a_key_that_can_be_built(row: Row) -> None:
    made = [*BUILT.values(), ConcurrentKeys("app", "api").wake + "host.1.5000"]
    assert any(row.matches(key, "app") for key in made)


@pytest.mark.parametrize("row", CATALOGUE, ids=lambda row: row.pattern)
def test_a_row_says_what_its_keys_are(row: Row) -> None:
    assert row.type in {"string", "hash", "set", "zset", "list"}
    assert row.meaning
    assert row.writer in {
        "Sidekiq",
        "src/batches",
        "src/shiftboss",
        *(f"lua/{room}" for room in ("batches", "limiters", "outbox", "periodic", "sidekiq")),
    }
    assert row.pattern.startswith("<ns>:") != (row.writer == "Sidekiq"), (
        "Sidekiq's names are fixed, ours have a namespace"
    )


def test_what_work_hangs_on_has_no_ttl_and_the_rest_has() -> None:
    permanent = {row.pattern for row in CATALOGUE if row.permanent}
    assert permanent >= {"queue:<name>", "schedule", "retry", "dead", "<ns>:inflight:<identity>", "<ns>:later:<engine>"}
    assert not any(row.permanent for row in CATALOGUE if row.writer in {"lua/batches", "lua/limiters"})


def slot(key: str) -> int:
    return int(key_slot(key.encode()))


def test_a_batch_and_its_shard_share_a_slot() -> None:
    batch, shard = BatchKeys("app", "3f0123456789"), ShardKeys("app", "3f")
    ours = [batch.record, batch.ran, batch.done, batch.dead, batch.index, batch.holds, batch.out, batch.receipt("t")]
    assert len({slot(key) for key in (*ours, shard.index, shard.holds, shard.out)}) == 1
    assert (batch.index, batch.holds, batch.out) == (shard.index, shard.holds, shard.out)
    assert keys.shard_of(batch.bid) == shard.shard


def test_shards_spread_over_the_slots() -> None:
    assert len({slot(ShardKeys("app", f"{n:02x}").out) for n in range(keys.SHARDS)}) > 250


def test_a_limiter_lies_in_one_slot() -> None:
    limiter = ConcurrentKeys("app", "api")
    assert len({slot(key) for key in (limiter.leases, limiter.queue, limiter.meta, limiter.wake + "host.1.2")}) == 1


def test_namespaces_do_not_meet() -> None:
    assert BatchKeys("a", "3f01").record != BatchKeys("b", "3f01").record
    assert not any(row.matches("a:reaper", "b") for row in CATALOGUE if row.pattern.startswith("<ns>"))


def test_sidekiqs_names_are_as_ruby_has_them() -> None:
    named = SidekiqKeys("app")
    assert (named.queues, named.schedule, named.retry, named.dead, named.processes) == (
        *("queues", "schedule", "retry", "dead", "processes"),
    )
    assert named.queue("default") == "queue:default"
    assert (named.processed, named.processed_on("2026-01-02")) == ("stat:processed", "stat:processed:2026-01-02")
    assert (named.failed, named.failed_on("2026-01-02")) == ("stat:failed", "stat:failed:2026-01-02")
    assert named.work("host:1:abc") == "host:1:abc:work"


@pytest.mark.parametrize(
    ("pattern", "key", "fits"),
    [
        ("<ns>:reaper", "a.b:reaper", True),
        ("<ns>:reaper", "aXb:reaper", False),
        ("<ns>:pushed:<token>", "a.b:pushed:", False),
        ("<ns>:pushed:<token>", "a.b:pushed:x y", True),
        ("queue:<name>", "queue:a:b", True),
        ("queues", "queues2", False),
    ],
)
def test_matching(pattern: str, key: str, fits: bool) -> None:
    assert Row(pattern, "string", "m", "w").matches(key, "a.b") is fits
