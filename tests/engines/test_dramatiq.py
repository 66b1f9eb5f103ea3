"""What is particular to Dramatiq: its middleware, its options, its in-memory broker."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import dramatiq
import pytest
from dramatiq.broker import MessageProxy
from dramatiq.brokers.redis import RedisBroker
from dramatiq.brokers.stub import StubBroker
from dramatiq.middleware import AsyncIO, Middleware, SkipMessage

from shiftboss import BatchNotFound, ConfigError, Shiftboss, current_job
from shiftboss import client as clients
from shiftboss.batches import Batch, calls
from shiftboss.engine import NotPublished
from shiftboss.engines.dramatiq import DramatiqEngine, client_of, install
from shiftboss.engines.dramatiq.middleware import ShiftbossMiddleware
from shiftboss.jobs import Outcome
from tests.engines.actions import notes, put
from tests.engines.conftest import Url
from tests.waiting import wait_until

NewBatch = Callable[..., Batch]


NOTHING = object()


class Picky(Middleware):
    """A user's middleware that leaves messages out, or has them fail, whatever their actors do."""

    def before_process_message(self, broker: dramatiq.Broker, message: Any) -> None:
        if message.options.get("skip"):
            raise SkipMessage("left out")

    def after_process_message(self, broker: dramatiq.Broker, message: Any, *, result: Any = None, **_: Any) -> None:
        if message.options.get("not", NOTHING) == result:
            message.fail()


class Stub:
    """A broker in this process, and a worker."""

    def __init__(self, url: str) -> None:
        self.broker = StubBroker()
        self.broker.add_middleware(Picky())
        self.broker.add_middleware(AsyncIO())
        self.client = install(self.broker, Shiftboss(url, engine=DramatiqEngine(self.broker)))
        self.worker = dramatiq.Worker(self.broker, worker_timeout=50, worker_threads=2)

    def actor(self, fn: Callable[..., Any], **options: Any) -> Any:
        defaults = {"max_retries": 0, "min_backoff": 10, "max_backoff": 10, "actor_name": fn.__name__}
        return dramatiq.actor(broker=self.broker, **{**defaults, **options})(fn)


@pytest.fixture
def stub(url: Url) -> Iterator[Stub]:
    stub = Stub(url(15))
    stub.worker.start()
    yield stub
    stub.worker.stop()
    stub.broker.close()


def note(key: str, what: Any = None) -> None:
    put(key, what)


async def note_job(key: str) -> None:
    await asyncio.sleep(0)
    job = current_job()
    put(key, job and job.jid)


def nothing() -> None: ...


def fail(key: str) -> None:
    raise ValueError("as told")


def lasting(key: str) -> None:
    put(key, "runs")
    for _ in range(1000):
        time.sleep(0.01)


def never_in_time(key: str) -> None:
    put(key, "too late")


def as_callback(bid: str, options: dict[str, Any]) -> None:
    put(options["key"], bid)


def test_install_configures_the_default_client() -> None:
    broker = StubBroker()
    client = install(broker)
    assert clients.current_client() is client is client_of(broker)
    assert isinstance(client.engine, DramatiqEngine)
    assert install(broker) is install(broker, client) is client
    with pytest.raises(ConfigError, match="belongs to"):
        install(broker, Shiftboss("fake://other"))


def test_a_configured_client_needs_this_broker_as_its_engine() -> None:
    broker = StubBroker()
    clients.configure("fake://shop")
    with pytest.raises(ConfigError, match=r"give it engine=DramatiqEngine\(broker\)"):
        install(broker)
    with pytest.raises(ConfigError, match=r"call install\(broker\)"):
        client_of(broker)


def test_without_dramatiq_the_error_names_what_to_install() -> None:
    program = "import sys; sys.modules['dramatiq'] = None; import shiftboss.engines.dramatiq"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert run.stderr.splitlines()[-1].endswith("Dramatiq is not installed; run: pip install 'shiftboss[dramatiq]'")


def test_the_in_memory_broker_gives_the_same_callbacks(stub: Stub, key: str) -> None:
    actor = stub.actor(note)
    batch = Batch(client=stub.client).on("success", "tests.engines.actions:heard", {"key": f"{key}:e", "event": "yes"})
    with batch.jobs() as added:
        sent = [actor.send(key, number) for number in range(3)]
        assert added.ids == [message.message_id for message in sent]
        assert notes(key) == []
    assert batch.join(timeout=20).done == 3
    wait_until(lambda: notes(f"{key}:e") == ["yes"])


def test_keyword_arguments_and_options_are_kept(stub: Stub, key: str) -> None:
    actor = stub.actor(note)
    batch = Batch(client=stub.client)
    with batch.jobs():
        actor.send_with_options(kwargs={"key": key, "what": "by name"}, delay=20)
    assert batch.join(timeout=20).done == 1
    assert notes(key) == ["by name"]


def test_an_async_actor_is_a_current_job(stub: Stub, key: str) -> None:
    actor = stub.actor(note_job)
    batch = Batch(client=stub.client)
    with batch.jobs() as added:
        actor.send(key)
    batch.join(timeout=20)
    assert notes(key) == added.ids


def test_an_actor_can_be_a_callback(stub: Stub, key: str) -> None:
    batch = Batch(client=stub.client).on("success", stub.actor(as_callback), {"key": key})
    with batch.jobs():
        stub.actor(note).send(f"{key}:job")
    wait_until(lambda: notes(key) == [batch.bid])
    wait_until(lambda: batch.status().callbacks[0].state == "done")


def test_a_member_that_a_shutdown_interrupts_is_run_by_nobody(stub: Stub, key: str) -> None:
    actor = stub.actor(lasting, notify_shutdown=True, max_retries=3, min_backoff=60_000, max_backoff=60_000)
    batch = Batch(client=stub.client)
    with batch.jobs():
        actor.send(key)
    wait_until(lambda: notes(key) == ["runs"])
    assert len(stub.client.store.run(calls.runs(batch.keys))) == 1
    stub.worker.stop()
    assert stub.client.store.run(calls.runs(batch.keys)) == {}
    status = batch.status()
    assert (status.pending, status.failed, status.dead) == (1, 0, 0)


def test_two_deliveries_of_a_message_in_one_process_fail_each_for_itself(stub: Stub, key: str) -> None:
    batch = Batch(client=stub.client)
    with batch.jobs():
        message = stub.actor(fail).send(key)
    wait_until(lambda: batch.status().dead == 1)
    told = list[tuple[Outcome, str]]()
    (middleware,) = (one for one in stub.broker.middleware if isinstance(one, ShiftbossMiddleware))
    first, second = MessageProxy(message), MessageProxy(message)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "shiftboss.engines.dramatiq.middleware.tell", lambda _, __, *end: told.append((end[0], str(end[1])))
        )
        middleware.after_process_message(stub.broker, first, exception=ValueError("first"))
        middleware.after_process_message(stub.broker, second, exception=ValueError("second"))
        middleware.before_ack(stub.broker, first)
        middleware.before_ack(stub.broker, second)
    assert told == [(Outcome.FAILED, "first"), (Outcome.FAILED, "second")]


@pytest.mark.parametrize("how", ["unknown", "skipped", "too_old", "throws", "rejected"])
def test_however_a_message_ends_its_batch_does(stub: Stub, key: str, how: str) -> None:
    batch = Batch(client=stub.client)
    with batch.jobs():
        if how == "unknown":
            stub.broker.enqueue(dramatiq.Message("default", "nobody", (), {}, {}))
        elif how == "skipped":
            stub.actor(note).send_with_options(args=(key,), skip=True)
        elif how == "rejected":
            stub.actor(nothing).send_with_options(**{"not": None})
        elif how == "too_old":
            old = stub.actor(never_in_time, max_age=1).message(key)
            stub.broker.enqueue(old.copy(message_timestamp=0))
        else:
            stub.actor(fail, max_retries=5, throws=(ValueError,)).send(key)
    status = batch.join(timeout=20, event="finished")
    assert (status.total, status.dead) == (1, 1)
    assert status.failures[0].error
    assert notes(key) == []


def test_a_direct_call_is_a_call(stub: Stub, key: str) -> None:
    stub.actor(note)(key, "direct")
    assert notes(key) == ["direct"]
    with pytest.raises(ValueError, match="as told"):
        stub.actor(fail)(key)


def test_outside_of_blocks_nothing_changes(stub: Stub, key: str) -> None:
    message = stub.actor(note).send(key, 1)
    assert "sbm" not in message.options
    wait_until(lambda: notes(key) == [1])


def test_a_broker_that_is_away_leaves_no_member(url: Url, key: str) -> None:
    broker = RedisBroker(url="redis://127.0.0.1:1/0")
    client = install(broker, Shiftboss(url(15), engine=DramatiqEngine(broker)))
    actor = dramatiq.actor(broker=broker, actor_name="note")(note)
    batch = Batch(client=client)
    with pytest.raises(NotPublished, match="2 of 2 messages were not published") as raised, batch.jobs() as added:
        actor.send(key, 1)
        actor.send(key, 2)
    assert raised.value.ids == set(added.ids)
    with pytest.raises(BatchNotFound):
        batch.status()


def test_a_group_is_members_and_a_pipeline_only_its_first(stub: Stub, key: str) -> None:
    batch, actor = Batch(client=stub.client), stub.actor(note)
    with batch.jobs():
        dramatiq.group([actor.message(key, 1), actor.message(key, 2)], broker=stub.broker).run()
        following = actor.message_with_options(args=(key, "next"), pipe_ignore=True)
        dramatiq.pipeline([actor.message(key, "first"), following], broker=stub.broker).run()
    assert batch.join(timeout=20).total == 3
    wait_until(lambda: "next" in notes(key))
