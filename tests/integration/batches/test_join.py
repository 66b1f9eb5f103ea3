"""Waiting for a batch."""

from __future__ import annotations

import asyncio
import threading

import pytest

from shiftboss.batches import Batch, BatchError
from shiftboss.config import ConfigError
from shiftboss.errors import WaitTimeout
from shiftboss.jobs import Outcome
from shiftboss.store import command
from tests.integration.batches.crew import Site


def started(site: Site) -> Batch:
    batch = Batch(description="Invoices [of] October")
    with batch.jobs():
        site.push(1)
    return batch


@pytest.mark.backends("embedded", "redis", "cluster")
def test_it_returns_when_the_event_happens_without_polling(site: Site) -> None:
    batch = started(site)
    site.client.store.run(command("CONFIG", [], ["RESETSTAT"], bytes))
    timer = threading.Timer(0.2, site.end_all)
    timer.start()
    status = batch.join(timeout=10)
    timer.join()
    assert status.success_at is not None
    reads = site.client.store.run(command("INFO", [], ["commandstats"], bytes.decode))
    (line,) = [line for line in reads.splitlines() if line.startswith("cmdstat_hgetall:")]
    assert int(line.partition("calls=")[2].partition(",")[0]) < 5


def test_it_returns_at_once_when_the_event_has_happened(site: Site) -> None:
    batch = started(site)
    site.end_all()
    assert batch.join(timeout=0).done == 1
    assert batch.join(event="complete").done == 1


@pytest.mark.parametrize("timeout", [0, 0.05])
def test_it_gives_up_in_time(site: Site, timeout: float) -> None:
    batch = started(site)
    with pytest.raises(WaitTimeout, match="0 of 1 jobs have succeeded"):
        batch.join(timeout=timeout)


def test_it_does_not_wait_for_what_cannot_come(site: Site) -> None:
    batch = started(site)
    site.end_all(Outcome.DIED)
    with pytest.raises(BatchError, match="finished without success: 0 of 1 jobs succeeded, 1 died"):
        batch.join()
    assert batch.join(event="death").dead == 1


def test_an_unknown_event_is_refused(site: Site) -> None:
    with pytest.raises(ConfigError, match="expected an event of complete, success, death, finished"):
        started(site).join(event="sucess")


@pytest.mark.parametrize("timeout", [-1, float("nan"), "60"])
def test_a_timeout_that_cannot_be_is_refused(site: Site, timeout: float) -> None:
    with pytest.raises(ConfigError, match="expected timeout"):
        started(site).join(timeout=timeout)


def test_progress_shows_a_bar(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    batch = started(site)
    site.end_all()
    batch.join(timeout=5, progress=True)
    shown = capsys.readouterr().out
    assert "Invoices [of] October" in shown
    assert "1/1" in shown


@pytest.mark.asyncio
async def test_ajoin_waits_without_blocking_the_loop(site: Site) -> None:
    batch = started(site)
    joining = asyncio.create_task(batch.ajoin(timeout=10))
    beats = 0
    while not joining.done():
        beats += 1
        await asyncio.sleep(0.02)
        if beats == 3:
            await asyncio.to_thread(site.end_all)
    assert (await joining).success_at is not None
    await site.client.aclose()


@pytest.mark.asyncio
async def test_join_in_a_running_loop_warns(site: Site) -> None:
    batch = started(site)
    site.end_all()
    with pytest.warns(RuntimeWarning, match="await batch.ajoin"):
        batch.join(timeout=1)
