"""Callbacks: delivered at least once and normally once, each for itself."""

from __future__ import annotations

import pytest

from shiftboss import job, outbox
from shiftboss.batches import Batch, BatchError, calls
from shiftboss.client import Shiftboss
from shiftboss.decoders import texts
from shiftboss.jobs import CallbackOf, Outcome
from shiftboss.store import command
from tests.integration.batches import heard
from tests.integration.batches.crew import Site


def finished_batch(site: Site, batch: Batch, queue: str = "low") -> Batch:
    with batch.jobs():
        site.push(1, queue=queue)
    site.end_all()
    return batch


@pytest.mark.parametrize(
    ("target", "called"),
    [
        (heard.note, "note"),
        (heard.anote, "anote"),
        (heard.Invoices, "on_success"),
        (heard.Invoices.report, "report"),
        (heard.Invoices.plain, "plain"),
        (f"{heard.__name__}:Invoices", "on_success"),
        (f"{heard.__name__}:Invoices.report", "report"),
        (f"{heard.__name__}:Invoices#report", "report"),
        (f"{heard.__name__}:note", "note"),
    ],
)
def test_every_form_is_called_with_status_and_options(site: Site, target: object, called: str) -> None:
    batch = finished_batch(site, Batch().on("success", target, {"month": "2026-10"}))
    site.call_back()
    ((name, status, options),) = heard.CALLS
    assert (name, status.bid, status.done, options) == (called, batch.bid, 1, {"month": "2026-10"})


def test_several_callbacks_of_an_event_are_jobs_of_their_own(site: Site) -> None:
    batch = Batch().on("success", heard.note, {"n": 1}).on("success", heard.note, {"n": 2})
    finished_batch(site, batch)
    first, second = site.crew.callbacks
    assert (first.batch, second.batch) == (CallbackOf(batch.bid, "success", 0), CallbackOf(batch.bid, "success", 1))
    heard.FAILURES.append(RuntimeError("no"))
    with pytest.raises(RuntimeError):
        site.run(first)
    site.run(second)
    assert [options for _, _, options in heard.CALLS] == [{"n": 2}]
    site.run(first)
    assert [options for _, _, options in heard.CALLS] == [{"n": 2}, {"n": 1}]


def test_its_id_follows_from_batch_event_and_position(site: Site, new_client: type[Shiftboss]) -> None:
    batch = Batch().on("success", heard.note)
    finished_batch(site, batch)
    (message,) = site.crew.callbacks
    site.client.store.run(command("ZADD", [batch.keys.out], [0, f"batch|callback|{batch.bid}|success|0"], int))
    site.client.store.run(command("PEXPIRE", [batch.keys.out], [60_000], int))
    site.client.perform(outbox.reap(site.client, "reaper"))
    assert [callback.id for callback in site.crew.callbacks] == [message.id, message.id]


def test_a_copy_of_a_callback_that_succeeded_is_skipped(site: Site) -> None:
    finished_batch(site, Batch().on("success", heard.note))
    (message,) = site.crew.callbacks
    site.run(message)
    site.run(message)
    assert len(heard.CALLS) == 1


def test_a_copy_of_a_job_that_succeeded_as_a_callback_is_skipped(site: Site) -> None:
    @job(name="as_a_callback", queue="low")
    def as_a_callback(bid: str, options: dict[str, object]) -> None: ...

    finished_batch(site, Batch().on("success", as_a_callback))
    (message,) = site.crew.callbacks
    extension = site.client.extensions["batch"]
    assert site.client.perform(extension.unwanted([message], "")) == frozenset()
    assert site.client.perform(extension.starting(message, "here"))
    site.call_back()
    assert site.client.perform(extension.unwanted([message], "")) == {message.id}
    assert not site.client.perform(extension.starting(message, "here"))


def test_a_copy_waits_for_the_run_that_is_going_on(site: Site) -> None:
    batch = finished_batch(site, Batch().on("success", heard.note))
    (message,) = site.crew.callbacks
    assert site.client.store.run(calls.start_callback(batch.keys, "success", 0, "another", 60_000)) == 0
    with pytest.raises(BatchError, match="runs elsewhere"):
        site.run(message)
    assert heard.CALLS == []
    assert batch.status().callbacks[0].state == "running"


def test_a_run_that_gave_no_sign_for_its_lease_is_taken_over(site: Site) -> None:
    batch = finished_batch(site, Batch().on("success", heard.note))
    (message,) = site.crew.callbacks
    assert site.client.store.run(calls.start_callback(batch.keys, "success", 0, "dead one", -1)) == 0
    site.run(message)
    assert len(heard.CALLS) == 1


@pytest.mark.parametrize(
    ("callback_queue", "expected"), [("critical", "critical"), (None, "bulk")], ids=["its own", "inherited"]
)
def test_it_goes_to_its_queue_or_that_of_the_job_that_brought_it_about(
    site: Site, callback_queue: str | None, expected: str
) -> None:
    finished_batch(site, Batch(callback_queue=callback_queue).on("success", heard.note), queue="bulk")
    assert [message.queue for message in site.crew.callbacks] == [expected]


def test_the_callback_of_an_empty_batch_goes_to_its_queue_or_the_default_one(site: Site) -> None:
    for batch in (Batch(callback_queue="critical"), Batch()):
        with batch.on("success", heard.note).jobs():
            pass
    assert [message.queue for message in site.crew.callbacks] == ["critical", "default"]


def test_what_a_crash_left_undelivered_the_reaper_delivers(site: Site) -> None:
    batch = Batch().on("success", heard.note)
    with batch.jobs():
        site.push(1)
    position = site.crew.members[0].batch.position  # type: ignore[union-attr]
    items = site.client.store.run(calls.ack(batch.keys, batch.bid, "low", 0, [position, "s", ""]))
    assert f"batch|callback|{batch.bid}|success|0" in items
    assert site.client.perform(outbox.reap(site.client, "reaper")) == 1
    assert site.client.perform(outbox.reap(site.client, "reaper")) == 0
    site.call_back()
    assert len(heard.CALLS) == 1


def test_one_process_reaps_at_a_time(site: Site) -> None:
    assert site.client.store.run(outbox.lead("sb:reaper", "one", 60_000))
    assert not site.client.store.run(outbox.lead("sb:reaper", "two", 60_000))
    assert site.client.store.run(outbox.lead("sb:reaper", "one", 60_000))


def test_an_item_of_a_batch_that_is_gone_is_struck_off(site: Site) -> None:
    keys = site.client.batch_keys("3f" + "a" * 14)
    site.client.store.run(command("ZADD", [keys.out], [0, f"batch|callback|{keys.bid}|success|0"], int))
    site.client.store.run(command("PEXPIRE", [keys.out], [60_000], int))
    site.client.perform(outbox.reap(site.client, "reaper"))
    assert site.client.store.run(command("EXISTS", [keys.out], [], int)) == 0


def test_an_item_of_a_kind_that_is_not_known_is_left_for_a_release_that_knows_it(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    keys = site.client.batch_keys("3f" + "a" * 14)
    site.client.store.run(command("ZADD", [keys.out], [0, "later|x"], int))
    site.client.store.run(command("PEXPIRE", [keys.out], [60_000], int))
    site.client.perform(outbox.reap(site.client, "reaper"))
    assert site.client.store.run(command("ZCARD", [keys.out], [], int)) == 1
    assert "this release does not know" in caplog.text


@pytest.mark.parametrize(
    "item", ["batch|up|3f00000000000000|sideways", "batch|settle|3f00000000000000|first|done", "batch"]
)
def test_an_item_that_nobody_can_read_keeps_no_other_from_being_done(
    site: Site, caplog: pytest.LogCaptureFixture, item: str
) -> None:
    batch = Batch().on("success", heard.note)
    with batch.jobs():
        site.push(1)
    site.client.store.run(calls.ack(batch.keys, batch.bid, "low", 0, [0, "s", ""]))
    site.client.store.run(command("ZADD", [batch.keys.out], [0, item], int))
    site.client.perform(outbox.reap(site.client, "reaper"))
    assert "left for the reaper" in caplog.text
    site.call_back()
    assert len(heard.CALLS) == 1
    assert site.client.store.run(command("ZRANGE", [batch.keys.out], [0, -1], texts)) == [item]


def test_states_of_callbacks_are_told_one_by_one(site: Site) -> None:
    batch = Batch().on("success", heard.note).on("death", heard.note).on("complete", heard.note)
    finished_batch(site, batch)
    assert [(c.event, c.state) for c in batch.status().callbacks] == [
        ("complete", "due"),
        ("success", "due"),
        ("death", "waiting"),
    ]
    site.run(next(m for m in site.crew.callbacks if m.batch == CallbackOf(batch.bid, "success", 0)))
    extension = site.client.extensions["batch"]
    dead = next(m for m in site.crew.callbacks if m.batch == CallbackOf(batch.bid, "complete", 0))
    site.client.perform(extension.finished(dead, Outcome.DIED, RuntimeError()))
    assert [c.state for c in batch.status().callbacks] == ["died", "done", "waiting"]


def test_a_dead_callback_that_is_run_again_succeeds(site: Site) -> None:
    batch = finished_batch(site, Batch().on("success", heard.note))
    (message,) = site.crew.callbacks
    site.client.perform(site.client.extensions["batch"].finished(message, Outcome.DIED, RuntimeError()))
    site.run(message)
    assert batch.status().callbacks[0].state == "done"


def test_a_callback_of_a_module_that_was_not_loaded_here_is_refused(site: Site) -> None:
    batch = finished_batch(site, Batch().on("success", "colorsys:rgb_to_hsv", check=False))
    (message,) = site.crew.callbacks
    with pytest.raises(BatchError, match="start shiftboss worker with --require colorsys"):
        site.run(message)
    assert batch.status().callbacks[0].state == "due"


def test_a_callback_knows_its_batch(site: Site) -> None:
    finished_batch(site, Batch().on("complete", heard.add_more))
    site.call_back()
    assert [name for name, _, _ in heard.CALLS] == ["add_more"]
