"""Pushing jobs onto real servers: what stands in Redis afterwards, once, whatever happens on the way."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from shiftboss import ConfigError, Job, JobError, Shiftboss, job
from shiftboss.engines.sidekiq.calls import push
from shiftboss.engines.sidekiq.engine import SidekiqEngine
from shiftboss.jobs import Message
from shiftboss.keys import SidekiqKeys
from tests.backends import Backend
from tests.proxy import FaultProxy

ALL = pytest.mark.backends("fake", "embedded", "redis", "acl")
KEYS = SidekiqKeys("sb")


@job(queue="low", retry=5, tags=["pictures"])
def resize(path: str, width: int = 800) -> None: ...


@job
async def fetch(url: str) -> None: ...


class Crop(Job, queue="critical", name="Images::Crop"):
    def perform(self, path: str) -> None: ...


def waiting(backend: Backend, queue: str) -> list[dict[str, Any]]:
    """A queue's jobs, the next one first."""
    return [json.loads(raw) for raw in reversed(backend.raw.lrange(f"queue:{queue}", 0, -1))]


def scheduled(backend: Backend) -> list[tuple[dict[str, Any], float]]:
    return [(json.loads(raw), score) for raw, score in backend.raw.zrange("schedule", 0, -1, withscores=True)]


@ALL
def test_a_pushed_job_is_what_sidekiq_expects(client: Shiftboss, backend: Backend) -> None:
    before = time.time() * 1000
    jid = resize.perform_async("a.png", width=400)
    (payload,) = waiting(backend, "low")
    assert before - 1 <= payload.pop("created_at") <= time.time() * 1000
    assert isinstance(payload.pop("enqueued_at"), int)
    assert payload == {
        "class": f"{__name__}.resize",
        "args": ["a.png", 400],
        "queue": "low",
        "jid": jid,
        "retry": 5,
        "tags": ["pictures"],
    }
    assert backend.raw.smembers("queues") == {"low"}


@ALL
def test_jobs_wait_in_the_order_they_were_pushed(client: Shiftboss, backend: Backend) -> None:
    ids = [fetch.perform_async(str(n)) for n in range(3)] + fetch.perform_bulk([[str(n)] for n in range(500)])
    assert [payload["jid"] for payload in waiting(backend, "default")] == ids


@ALL
@pytest.mark.parametrize("delay", [3600, 3600.5, timedelta(hours=1)])
def test_a_job_for_later_waits_in_the_schedule(client: Shiftboss, backend: Backend, delay: float | timedelta) -> None:
    jid = resize.perform_in(delay, "a.png")
    ((payload, score),) = scheduled(backend)
    assert abs(score - time.time() - 3600) < 10
    assert payload["jid"] == jid
    assert not {"at", "enqueued_at"} & set(payload)
    assert waiting(backend, "low") == []


@ALL
def test_a_moment_keeps_its_fraction_of_a_second(client: Shiftboss, backend: Backend) -> None:
    when = datetime(2126, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
    Crop.perform_at(when, "a.png")
    Crop.set(queue="low").perform_at(when.timestamp(), "a.png")
    assert {(payload["queue"], score) for payload, score in scheduled(backend)} == {
        ("critical", when.timestamp()),
        ("low", when.timestamp()),
    }


@ALL
def test_a_time_in_the_past_pushes_at_once(client: Shiftboss, backend: Backend) -> None:
    resize.perform_in(-5, "a.png")
    resize.perform_at(datetime(2020, 1, 1, tzinfo=UTC), "a.png")
    resize.perform_at(0, "a.png")
    assert len(waiting(backend, "low")) == 3
    assert all("enqueued_at" in payload for payload in waiting(backend, "low"))
    assert scheduled(backend) == []


@ALL
def test_bulk_pushes_from_a_generator_a_thousand_at_a_time(client: Shiftboss, backend: Backend) -> None:
    seen: list[int] = []

    def rows() -> Iterator[tuple[str, int]]:
        for n in range(2500):
            if n % 1000 == 0:
                seen.append(backend.raw.llen("queue:low"))
            yield f"{n}.png", n

    ids = resize.perform_bulk(rows())
    assert seen == [0, 1000, 2000]
    payloads = waiting(backend, "low")
    assert [payload["jid"] for payload in payloads] == ids
    assert [payload["args"] for payload in payloads] == [[f"{n}.png", n] for n in range(2500)]


@ALL
def test_bulk_of_nothing_is_nothing(client: Shiftboss, backend: Backend) -> None:
    assert resize.perform_bulk([]) == []
    assert backend.raw.dbsize() == 0


@ALL
@pytest.mark.asyncio
async def test_coroutines_push_with_the_twins(aclient: Shiftboss, backend: Backend) -> None:
    ids = [await fetch.aperform_async("a"), *await fetch.aperform_bulk([["b"]] * 1001), await Crop.aperform_async("c")]
    later = [await fetch.aperform_in(60, "d"), await Crop.aperform_at(time.time() + 90, "e")]
    assert [payload["jid"] for payload in waiting(backend, "default") + waiting(backend, "critical")] == ids
    assert [payload["jid"] for payload, _ in scheduled(backend)] == later


@ALL
def test_one_push_may_go_to_many_queues_and_to_the_schedule(client: Shiftboss, backend: Backend) -> None:
    messages = [
        Message("A", (n,), f"q{n % 3}", f"jid{n}", at=4102444800.5 if n % 4 == 0 else None) for n in range(1000)
    ]
    client.perform(client.push(messages))
    for queue in range(3):
        expected = [n for n in range(1000) if n % 4 and n % 3 == queue]
        assert [payload["args"][0] for payload in waiting(backend, f"q{queue}")] == expected
    assert sorted(payload["args"][0] for payload, _ in scheduled(backend)) == list(range(0, 1000, 4))
    assert backend.raw.smembers("queues") == {"q0", "q1", "q2"}


@ALL
def test_integers_beyond_what_lua_can_count_arrive_exactly(client: Shiftboss, backend: Backend) -> None:
    resize.perform_async("a.png", 2**53 + 1)
    resize.perform_async("a.png", 2**70)
    assert [payload["args"][1] for payload in waiting(backend, "low")] == [2**53 + 1, 2**70]


@ALL
def test_an_id_may_be_an_argument(client: Shiftboss, backend: Backend) -> None:
    jid = fetch.perform_async("a")
    after = Crop.perform_async({"after": [jid]}), Crop.perform_bulk([(jid,)])[0]
    assert [payload["args"] for payload in waiting(backend, "critical")] == [[{"after": [jid]}], [jid]]
    assert [payload["jid"] for payload in waiting(backend, "critical")] == list(after)


@ALL
def test_the_same_push_sent_twice_pushes_once(client: Shiftboss, backend: Backend) -> None:
    call = push(KEYS, "token", ["a", "b"], 60_000, [1, b"{}", 2, b"{}", "@4102444800.5", b'{"later":1}'])
    assert [client.store.run(call) for _ in range(3)] == [True, False, False]
    assert (backend.raw.llen("queue:a"), backend.raw.llen("queue:b"), backend.raw.zcard("schedule")) == (1, 1, 1)
    other = push(KEYS, "other", ["a"], 60_000, [1, b"{}"])
    assert client.store.run(other) is True
    assert backend.raw.llen("queue:a") == 2


@ALL
def test_a_receipt_lives_twice_as_long_as_a_push_is_tried(
    new_client: Callable[..., Shiftboss], backend: Backend
) -> None:
    with new_client(timeout=7.0):
        resize.perform_async("a.png")
    (receipt,) = backend.raw.keys("sb:pushed:*")
    assert 10_000 < backend.raw.pttl(receipt) <= 14_000


@ALL
@pytest.mark.parametrize("where", [0, -1, 3, 1.5, "@", "@soon", "x", ""])
def test_a_place_that_cannot_be_is_refused_before_anything_is_written(
    client: Shiftboss, backend: Backend, where: Any
) -> None:
    with pytest.raises(ResponseError, match="no queue has the number"):
        client.store.run(push(KEYS, "token", ["a", "b"], 60_000, [1, b"{}", where, b"{}"]))
    assert backend.raw.dbsize() == 0


@ALL
def test_a_payload_above_a_mebibyte_is_refused_with_the_number(client: Shiftboss, backend: Backend) -> None:
    with pytest.raises(JobError, match=r"may be 1,048,576 bytes, got 1,048,\d\d\d; store"):
        resize.perform_async("x" * (1024 * 1024 - 100))
    with pytest.raises(JobError, match="may be 1,048,576 bytes, got 2,"):
        resize.perform_async("x" * 2 * 1024 * 1024)
    assert backend.raw.dbsize() == 0
    resize.perform_async("x" * (1024 * 1024 - 300))


@pytest.mark.backends("embedded")
def test_two_namespaces_share_the_protocols_keys(new_client: Callable[..., Shiftboss], backend: Backend) -> None:
    with new_client(namespace="one"):
        resize.perform_async("a.png")
    with new_client(namespace="two"):
        resize.perform_async("a.png")
    assert len(waiting(backend, "low")) == 2
    assert {key.split(":")[0] for key in backend.raw.keys("*:pushed:*")} == {"one", "two"}


@pytest.mark.backends("cluster")
def test_a_cluster_is_refused_with_what_to_do(client: Shiftboss, backend: Backend) -> None:
    with pytest.raises(ConfigError) as caught:
        resize.perform_async("a.png")
    message = str(caught.value)
    assert message.startswith("the built-in worker's queues need a standalone or Sentinel Redis, got redis+cluster://")
    assert "use another engine" in message
    assert SidekiqEngine(client).joins_batches is False
    assert backend.raw.dbsize() == 0


@ALL
def test_elsewhere_the_engine_joins_batches(client: Shiftboss) -> None:
    assert SidekiqEngine(client).joins_batches is True


@pytest.mark.backends("embedded", "redis")
def test_a_lost_reply_pushes_nothing_twice(proxy: FaultProxy, backend: Backend) -> None:
    with Shiftboss(proxy.url) as client:
        resize.perform_async("first.png")
        for times in (1, 3):
            fault = proxy.drop_reply(b"EVALSHA", times=times)
            resize.perform_async("a.png")
            assert fault.hits == times
        fault = proxy.drop_reply(b"EVALSHA")
        resize.perform_bulk([["b.png"]] * 1500)
        assert fault.hits == 1
        client.close()
    assert len(waiting(backend, "low")) == 1503


@pytest.mark.backends("embedded", "redis")
def test_a_cut_reply_pushes_nothing_twice(proxy: FaultProxy, backend: Backend) -> None:
    with Shiftboss(proxy.url) as client:
        resize.perform_async("first.png")
        fault = proxy.cut_reply(1, b"EVALSHA")
        resize.perform_async("a.png")
        assert fault.hits == 1
        client.close()
    assert len(waiting(backend, "low")) == 2


@pytest.mark.backends("embedded")
def test_a_push_that_cannot_be_made_sure_of_is_reported_in_time(proxy: FaultProxy) -> None:
    with Shiftboss(proxy.url, timeout=0.5) as client:
        resize.perform_async("first.png")
        proxy.drop_reply(b"EVALSHA", times=None)
        began = time.monotonic()
        with pytest.raises(RedisConnectionError):
            resize.perform_async("a.png")
        assert time.monotonic() - began < 2
        client.close()


@pytest.mark.backends("embedded", "redis")
def test_a_full_server_takes_all_or_nothing(client: Shiftboss, backend: Backend) -> None:
    resize.perform_async("first.png")
    backend.raw.config_set("maxmemory", 1)
    try:
        with pytest.raises(ResponseError, match=r"OOM|maxmemory"):
            resize.perform_bulk([["a.png"]] * 10)
    finally:
        backend.raw.config_set("maxmemory", 0)
    assert len(waiting(backend, "low")) == 1


def test_a_server_that_is_not_there_is_reported_in_one_line() -> None:
    with Shiftboss("redis://127.0.0.1:1", timeout=1), pytest.raises(RedisConnectionError) as caught:
        resize.perform_async("a.png")
    assert "\n" not in str(caught.value)
