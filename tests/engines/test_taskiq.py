"""What is particular to taskiq: its event loop, its retries, its in-memory broker, what waits in our set."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from taskiq import (
    InMemoryBroker,
    ScheduledTask,
    ScheduleSource,
    SimpleRetryMiddleware,
    SmartRetryMiddleware,
    TaskiqScheduler,
)
from taskiq.exceptions import NoResultError, SendTaskError

from shiftboss import BatchNotFound, ConfigError, Shiftboss, current_job, requeue
from shiftboss import client as clients
from shiftboss.batches import Batch, Status, current_batch
from shiftboss.engine import NotPublished
from shiftboss.engines.taskiq import TaskiqEngine, client_of, install
from tests.engines.conftest import Url
from tests.engines.driver import ROOT
from tests.engines.shop import Shop

seen: list[Any] = []
# The body of a task that fails the first time it is given something, and says when it ran.
FAILS_ONCE = """(path, had=set()):
    import time
    print("run", time.time(), flush=True)
    if path not in had:
        had.add(path)
        raise OSError
"""

# One that pushes, forks, and pushes in both processes.
FORKS = """
import asyncio, os, sys
from taskiq import InMemoryBroker
from shiftboss import Shiftboss
from shiftboss.batches import Batch
from shiftboss.engine import NotPublished
from shiftboss.engines.taskiq import TaskiqEngine, install
broker = InMemoryBroker(await_inplace=True)
client = install(broker, Shiftboss(sys.argv[1], engine=TaskiqEngine(broker)))

@broker.task
async def note(what):
    print(what, flush=True)

def push(what):
    async def kiq():
        await note.kiq(what)
    with Batch(client=client).jobs():
        asyncio.run(kiq())

push("before")
child = os.fork()
if child == 0:
    try:
        push("never")
    except NotPublished as error:
        print("refused" if "make the broker after the fork" in str(error) else error, flush=True)
        os._exit(0)
print(os.waitpid(child, 0)[1], flush=True)
push("after")
"""


class Memory:
    """A broker that runs tasks in this process."""

    def __init__(self, url: str, *middlewares: Any) -> None:
        self.broker = InMemoryBroker(await_inplace=True)
        self.broker.add_middlewares(*middlewares)
        self.client = install(self.broker, Shiftboss(url, engine=TaskiqEngine(self.broker)))

    def task(self, function: Any, **labels: Any) -> Any:
        return self.broker.register_task(
            function, task_name=function.__name__.removesuffix("__taskiq_original"), **labels
        )


@pytest_asyncio.fixture
async def memory(url: Url) -> AsyncIterator[Memory]:
    seen.clear()
    memory = Memory(url(20), SimpleRetryMiddleware())
    await memory.broker.startup()
    yield memory
    await memory.broker.shutdown()


def heard(status: Status, options: dict[str, Any]) -> None:
    seen.append((options["event"], status.done, status.dead))


def with_events(client: Shiftboss, *events: str) -> Batch:
    batch = Batch(client=client)
    for event in events:
        batch.on(event, f"{__name__}:heard", {"event": event})
    return batch


async def note(what: Any) -> None:
    job, batch = current_job(), current_batch()
    assert job is not None
    seen.append((what, bool(job.jid), batch and batch.bid))


def note_here(what: Any) -> None:
    """A function: taskiq runs it in a thread."""
    seen.append((what, current_job() is not None))


async def fails() -> None:
    seen.append("tried")
    raise ValueError("as told")


async def lasting() -> None:
    await asyncio.sleep(60)


async def resultless() -> None:
    raise NoResultError


async def polite() -> None:
    job = current_job()
    assert job is not None
    seen.append(job.requeues)
    if not job.requeues:
        requeue(0)


@pytest.mark.asyncio
async def test_an_in_memory_broker_runs_members_and_callbacks(memory: Memory) -> None:
    anote, here = memory.task(note), memory.task(note_here)
    batch = with_events(memory.client, "success")
    async with batch.jobs() as added:
        task = await anote.kiq("a")
        await here.kiq("b")
        assert seen == []
        assert added.ids[0] == task.task_id
    assert seen == [("a", True, batch.bid), ("b", True), ("success", 2, 0)]


@pytest.mark.asyncio
@pytest.mark.parametrize("no_result_on_retry", [True, False])
async def test_a_retry_is_a_failure_and_the_last_one_a_death(url: Url, no_result_on_retry: bool) -> None:
    seen.clear()
    for retries in (
        SimpleRetryMiddleware(no_result_on_retry=no_result_on_retry),
        SmartRetryMiddleware(no_result_on_retry=no_result_on_retry, default_delay=0),
    ):
        memory = Memory(url(20), retries)
        await memory.broker.startup()
        task = memory.task(fails, retry_on_error=True, max_retries=2)
        batch = with_events(memory.client, "death")
        async with batch.jobs():
            await task.kiq()
        status = await batch.astatus()
        assert (status.dead, [failure.message for failure in status.failures]) == (1, ["as told", "as told"])
        assert seen == ["tried", "tried", ("death", 0, 1)]
        await memory.broker.shutdown()
        seen.clear()


@pytest.mark.asyncio
async def test_the_delay_of_a_retry_waits_in_a_set_of_ours(url: Url) -> None:
    seen.clear()
    memory = Memory(url(20), SmartRetryMiddleware(default_delay=8, use_delay_exponent=True))
    task = memory.task(fails, retry_on_error=True, max_retries=3)
    batch = Batch(client=memory.client)
    async with batch.jobs() as added:
        sent = time.time()
        await task.kiq()
    assert (seen, (await batch.astatus()).failing) == (["tried"], 1)
    ((text, due),) = memory.client.store.run(_all(memory))
    assert json.loads(text)["task_id"] == added.ids[0]
    assert due / 1000 == pytest.approx(sent + 8, abs=1)
    memory.client.store.run(_drop(memory))
    await asyncio.to_thread(memory.client.engine.promote, text)  # type: ignore[attr-defined]
    ((_, due),) = memory.client.store.run(_all(memory))
    assert due / 1000 == pytest.approx(sent + 16, abs=1), "as SmartRetryMiddleware counts"
    assert (seen, (await batch.astatus()).dead) == (["tried", "tried"], 0)
    memory.client.store.run(_drop(memory))


class Kept(ScheduleSource):
    """A schedule in this process."""

    def __init__(self) -> None:
        self.tasks: list[ScheduledTask] = []

    async def add_schedule(self, schedule: ScheduledTask) -> None:
        self.tasks.append(schedule)

    async def get_schedules(self) -> list[ScheduledTask]:
        return self.tasks


@pytest.mark.asyncio
async def test_a_retry_that_the_scheduler_will_send_is_a_failure_and_no_death(url: Url) -> None:
    seen.clear()
    source = Kept()
    memory = Memory(url(20), SmartRetryMiddleware(schedule_source=source))
    task = memory.task(fails, retry_on_error=True, max_retries=2)
    batch = with_events(memory.client, "death")
    async with batch.jobs():
        await task.kiq()
    status = await batch.astatus()
    assert (status.failing, status.dead, status.failures[0].message) == (1, 0, "as told")
    await TaskiqScheduler(memory.broker, [source]).on_ready(source, source.tasks[0])
    assert (await batch.astatus()).dead == 1
    assert seen == ["tried", "tried", ("death", 0, 1)]


@pytest.mark.asyncio
async def test_a_scheduled_retry_that_nobody_can_tell_is_refused(url: Url) -> None:
    memory = Memory(url(20), SmartRetryMiddleware(schedule_source=Kept(), no_result_on_retry=False))
    with pytest.raises(ConfigError, match="SmartRetryMiddleware with schedule_source= needs no_result_on_retry=True"):
        await memory.broker.startup()


@pytest.mark.asyncio
@pytest.mark.parametrize("retries", [0, 1])
async def test_a_task_that_takes_too_long_has_failed_with_that(memory: Memory, retries: int) -> None:
    task = memory.task(lasting, retry_on_error=True, max_retries=retries, timeout=0.05)
    batch = Batch(client=memory.client)
    async with batch.jobs():
        await task.kiq()
    status = await batch.astatus()
    assert (status.dead, {failure.error for failure in status.failures}) == (1, {"TimeoutError"})


@pytest.mark.asyncio
async def test_a_task_that_has_no_result_has_died(memory: Memory) -> None:
    task = memory.task(resultless)
    batch = Batch(client=memory.client)
    async with batch.jobs():
        await task.kiq()
    assert (await batch.astatus()).dead == 1


def test_a_worker_waits_before_a_retry_as_long_as_the_middleware_says(url: Url, tmp_path: Path) -> None:
    shop = Shop("taskiq", url(60), tmp_path)
    text = shop.module.read_text().replace("SimpleRetryMiddleware()", "SmartRetryMiddleware(default_delay=2)")
    text = text.replace("SimpleRetryMiddleware", "SmartRetryMiddleware").replace("(path): ...", FAILS_ONCE)
    shop.module.write_text(text)
    with shop.worker():
        shop.push_album()
    runs = [float(line.split()[1]) for line in shop.log.read_text().splitlines() if line.startswith("run ")]
    assert len(runs) == 6
    assert min(runs[3:]) - max(runs[:3]) > 1.5


@pytest.mark.asyncio
async def test_a_task_puts_itself_back_and_uses_no_retry(memory: Memory) -> None:
    task = memory.task(polite, retry_on_error=True, max_retries=1)
    batch = with_events(memory.client, "success")
    async with batch.jobs():
        await task.kiq()
    assert seen == [0, 1, ("success", 1, 0)]
    assert (await batch.astatus()).failed == 0


@pytest.mark.asyncio
async def test_a_delay_waits_in_a_set_of_ours(memory: Memory) -> None:
    task = memory.task(note)
    batch = Batch(client=memory.client)
    async with batch.jobs():
        await task.kicker().with_labels(delay=60).kiq("later")
    await task.kicker().with_labels(delay=60).kiq("no member")
    assert seen == []
    waiting = [json.loads(text) for text, _ in memory.client.store.run(_all(memory))]
    assert [(one["task_name"], one["args"], "delay" in one["labels"]) for one in waiting] == [
        ("note", ["later"], False),
        ("note", ["no member"], False),
    ]
    memory.client.store.run(_drop(memory))


@pytest.mark.asyncio
async def test_a_block_that_waits_on_the_loop_is_refused(memory: Memory) -> None:
    task = memory.task(note)
    batch = Batch(client=memory.client)
    with pytest.raises(NotPublished, match="which waits here; use: async with"), batch.jobs():
        await task.kiq("never")
    assert seen == []
    with pytest.raises(BatchNotFound):
        await batch.astatus()


@pytest.mark.asyncio
async def test_what_cannot_be_sent_is_no_member(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    task = memory.task(note)

    async def away(self: Any, message: Any) -> None:
        raise ConnectionError("no broker")

    monkeypatch.setattr(InMemoryBroker, "kick", away)
    batch = Batch(client=memory.client)
    with pytest.raises(NotPublished, match="1 of 1 messages were not sent: no broker"):
        async with batch.jobs():
            await task.kiq("never")
    with pytest.raises(SendTaskError):
        await task.kiq("outside")


@pytest.mark.asyncio
async def test_outside_of_a_block_nothing_changes(memory: Memory) -> None:
    await memory.task(note).kiq("alone")
    assert seen == [("alone", True, None)]


def test_a_broker_belongs_to_one_client(url: Url, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "_default", None)
    broker = InMemoryBroker()
    with pytest.raises(ConfigError, match=r"call install\(broker\)"):
        client_of(broker)
    with pytest.raises(ConfigError, match="does not run its jobs on this broker"):
        install(broker, Shiftboss(url(20)))
    client = install(broker, Shiftboss(url(20), engine=TaskiqEngine(broker)))
    assert install(broker) is client_of(broker) is client
    with pytest.raises(ConfigError, match=r"belongs to .* already"):
        install(broker, Shiftboss(url(20), engine=TaskiqEngine(broker)))


def test_a_program_without_an_event_loop_sends_too(url: Url) -> None:
    seen.clear()
    memory = Memory(url(20))
    task = memory.task(note)
    batch = Batch(client=memory.client)
    with batch.jobs():
        asyncio.run(_kiq(task))
    batch.join(timeout=20)
    assert seen == [("from a program", True, batch.bid)]


def push_with_loops_that_end(memory: Memory, task: Any) -> None:
    with Batch(client=memory.client).jobs():
        asyncio.run(_kiq(task))


def test_what_sends_without_an_event_loop_sends_on_one_that_stays(url: Url) -> None:
    """Connections of a broker are those of the event loop on which they were made; and one that another thread runs may end."""
    memory, loops = Memory(url(20)), set[asyncio.AbstractEventLoop]()

    async def note_loop(_: str) -> None:
        loops.add(asyncio.get_running_loop())

    task = memory.task(note_loop)
    threads = [threading.Thread(target=push_with_loops_that_end, args=(memory, task)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    push_with_loops_that_end(memory, task)
    assert [loop.is_running() for loop in loops] == [True]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_forked_process_is_refused_its_parents_connections(url: Url, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(FORKS)
    done = subprocess.run(
        [sys.executable, program, url(20)], capture_output=True, text=True, check=False, timeout=60, cwd=ROOT
    )
    assert done.stdout.splitlines() == ["before", "refused", "0", "after"], done.stderr


async def _kiq(task: Any) -> None:
    await task.kiq("from a program")


def _all(memory: Memory) -> Any:
    from shiftboss import keys
    from shiftboss.scripts import command

    return command("ZRANGE", [keys.later(memory.client.namespace, "taskiq")], [0, -1, "WITHSCORES"], _pairs)


def _pairs(found: list[Any]) -> list[tuple[str, float]]:
    return [(text.decode(), float(score)) for text, score in zip(found[::2], found[1::2], strict=True)]


def _drop(memory: Memory) -> Any:
    from shiftboss import keys
    from shiftboss.scripts import command

    return command("DEL", [keys.later(memory.client.namespace, "taskiq")], [], int)
