"""Nothing is lost, and nothing counted twice, when replies are lost and Redis goes away."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from shiftboss import Shiftboss
from shiftboss.engines.sidekiq.worker import Worker, settler
from shiftboss.engines.sidekiq.worker.hold import Ended
from shiftboss.keys import SidekiqKeys
from shiftboss.plan import Plan
from shiftboss.scripts import script
from tests.backends import Backend
from tests.integration.worker import jobs
from tests.integration.worker.jobs import seen
from tests.proxy import FaultProxy
from tests.waiting import wait_until

pytestmark = pytest.mark.backends("embedded", "redis")
FETCH = script("sidekiq/fetch").sha.encode()
SETTLE = script("sidekiq/settle").sha.encode()


@pytest.fixture
def far(proxy: FaultProxy) -> Iterator[Shiftboss]:
    """A client that reaches the backend through the proxy."""
    client = Shiftboss(proxy.url, timeout=1)
    yield client
    client.close()


def in_flight(backend: Backend, worker: Worker) -> int:
    return int(backend.raw.llen(f"sb:inflight:{worker.identity}"))


def test_a_job_whose_fetch_lost_its_reply_is_run_once(
    client: Shiftboss, backend: Backend, proxy: FaultProxy, far: Shiftboss, start: Callable[..., Worker]
) -> None:
    worker = start(client=far)
    reconciled = worker.fetcher.reconciled.listen()
    wait_until(lambda: proxy.seen(FETCH))
    fault = proxy.drop_reply(FETCH)
    jobs.note.perform_bulk([(n,) for n in range(3)])
    assert reconciled(10) == 3
    wait_until(lambda: backend.raw.get("stat:processed") == "3")
    assert fault.hits == 1
    assert sorted(seen) == [0, 1, 2]
    assert not in_flight(backend, worker)


@pytest.mark.parametrize("after", [1, 40])
def test_a_fetch_whose_reply_is_cut_loses_nothing(
    client: Shiftboss, backend: Backend, proxy: FaultProxy, far: Shiftboss, start: Callable[..., Worker], after: int
) -> None:
    start(client=far)
    wait_until(lambda: proxy.seen(FETCH))
    proxy.cut_reply(after, FETCH, times=3)
    jobs.note.perform_bulk([(n,) for n in range(20)])
    wait_until(lambda: backend.raw.get("stat:processed") == "20")
    assert sorted(seen) == list(range(20))


def test_jobs_that_arrive_in_flight_late_are_found_by_the_length_of_the_list(
    client: Shiftboss, backend: Backend, start: Callable[..., Worker]
) -> None:
    worker = start()
    jobs.note.set(queue="elsewhere").perform_async("stray")
    # As a fetch does that a frozen server carries out only after its caller has given up and reconciled.
    backend.raw.lmove("queue:elsewhere", f"sb:inflight:{worker.identity}", "RIGHT", "LEFT")
    jobs.note.perform_async("wakes")
    wait_until(lambda: sorted(seen) == ["stray", "wakes"])
    wait_until(lambda: not in_flight(backend, worker))


def test_an_acknowledgement_whose_reply_is_lost_counts_once(
    client: Shiftboss, backend: Backend, proxy: FaultProxy, far: Shiftboss, start: Callable[..., Worker]
) -> None:
    worker = start(client=far)
    fault = proxy.drop_reply(SETTLE, times=2)
    jobs.fail.perform_async("no")
    wait_until(lambda: proxy.forwarded(SETTLE) == 3)
    wait_until(lambda: worker._hold.held == 0)
    assert fault.hits == 2
    assert backend.raw.get("stat:processed") == backend.raw.get("stat:failed") == "1"
    assert backend.raw.zcard("retry") == 1


def test_one_that_cannot_be_acknowledged_holds_up_no_other(
    client: Shiftboss, backend: Backend, start: Callable[..., Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = settler.acknowledge

    def acknowledge(client: Shiftboss, keys: SidekiqKeys, identity: str, group: Sequence[Ended]) -> Plan[None]:
        if any(b"strange" in one.run.raw for one in group):
            raise UnicodeError("strange")
        return usual(client, keys, identity, group)

    worker = start()
    jobs.hold.perform_bulk([("strange",), (1,), (2,)])
    wait_until(lambda: len(seen) == 3)
    with monkeypatch.context() as patched:
        patched.setattr(settler, "acknowledge", acknowledge)
        jobs.gate.set()
        wait_until(lambda: backend.raw.get("stat:processed") == "2", what="the other two")
        assert in_flight(backend, worker) == 1
    wait_until(lambda: backend.raw.get("stat:processed") == "3", what="the strange one")


def test_jobs_go_on_while_redis_is_away_and_are_acknowledged_when_it_is_back(
    client: Shiftboss,
    backend: Backend,
    proxy: FaultProxy,
    far: Shiftboss,
    start: Callable[..., Worker],
    caplog: pytest.LogCaptureFixture,
) -> None:
    worker = start(client=far)
    jobs.hold.perform_bulk([(n,) for n in range(3)])
    wait_until(lambda: len(seen) == 3)
    fault = proxy.refuse()
    wait_until(lambda: fault.hits)
    jobs.gate.set()
    wait_until(lambda: worker._hold.busy == 0, what="the jobs to end")
    jobs.note.perform_async("later")
    wait_until(lambda: "does not serve us" in caplog.text, what="the worker to say so")
    hits = fault.hits
    wait_until(lambda: fault.hits > hits + 5, what="the worker to try again and again")
    assert in_flight(backend, worker) == 3
    proxy.heal()
    wait_until(lambda: backend.raw.get("stat:processed") == "4", timeout=15)
    assert sorted(map(str, seen)) == ["0", "1", "2", "later"]
    assert caplog.text.count("does not serve us") == 1
    assert caplog.text.count("serves us again") == 1


def test_a_resumed_process_that_was_given_up_counts_nothing(
    client: Shiftboss, backend: Backend, start: Callable[..., Worker]
) -> None:
    worker = start(concurrency=1)
    jobs.hold.perform_async("slow")
    wait_until(lambda: seen)
    (raw,) = backend.raw.lrange(f"sb:inflight:{worker.identity}", 0, -1)
    # As a rescuer does.
    backend.raw.lrem(f"sb:inflight:{worker.identity}", 1, raw)
    jobs.gate.set()
    wait_until(lambda: worker._hold.held == 0)
    assert backend.raw.get("stat:processed") is None


def test_a_stop_without_redis_ends_in_time(
    client: Shiftboss, backend: Backend, proxy: FaultProxy, far: Shiftboss, start: Callable[..., Worker]
) -> None:
    worker = start(client=far, timeout=0.2)
    jobs.hold.perform_async("slow")
    wait_until(lambda: seen)
    proxy.refuse()
    began = time.monotonic()
    worker.stop()
    assert time.monotonic() - began < 15
    assert in_flight(backend, worker) == 1
    assert backend.raw.sismember("processes", worker.identity)
