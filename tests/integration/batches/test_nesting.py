"""Batches in batches: children count as members, and events go up one level at a time."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from shiftboss.batches import Batch, BatchClosed, BatchError, BatchNotFound, current_batch
from shiftboss.client import Shiftboss
from shiftboss.errors import ConfigError, WaitTimeout
from shiftboss.jobs import CurrentJob, Message, Outcome, running
from shiftboss.store import command
from tests.integration.batches import heard
from tests.integration.batches.crew import Crew, Site

FAILED, DIED = Outcome.FAILED, Outcome.DIED
EVENTS = ("complete", "success", "death", "finished")


def named(name: str, **options: object) -> Batch:
    batch = Batch(description=name, **options)  # type: ignore[arg-type]
    for event in EVENTS:
        batch.on(event, heard.note, {"event": f"{name}.{event}"})
    return batch


def jobs_of(site: Site, batch: Batch) -> list[Message]:
    return [message for message in site.crew.members if message.batch.bid == batch.bid]  # type: ignore[union-attr]


def events(site: Site) -> list[str]:
    """The events called back since last asked, in order."""
    site.call_back()
    called = [options["event"] for _, _, options in heard.CALLS]
    heard.CALLS.clear()
    return called


def family(site: Site) -> tuple[Batch, Batch]:
    parent = named("P")
    with parent.jobs():
        site.push("a")
        child = named("C")
        with child.jobs():
            site.push("x")
    return parent, child


def test_t4_the_parents_events_wait_for_the_childs_of_the_same_name(site: Site) -> None:
    parent, child = family(site)
    (a,), (x,) = jobs_of(site, parent), jobs_of(site, child)
    site.end(a)
    assert events(site) == []
    site.end(x, FAILED)
    assert events(site) == ["C.complete", "P.complete"]
    site.end(x)
    assert events(site) == ["C.success", "C.finished", "P.success", "P.finished"]


def test_the_parent_waits_until_the_childs_callback_jobs_have_succeeded(site: Site) -> None:
    parent, child = family(site)
    site.end_all()
    waiting = list(site.crew.callbacks)
    assert {message.batch.bid for message in waiting} == {child.bid}  # type: ignore[union-attr]
    heard.FAILURES.append(RuntimeError("the first time"))
    failing = site.crew.callbacks[0]
    with pytest.raises(RuntimeError):
        site.run(failing)
    for message in waiting[1:]:
        site.crew.queue.remove(message)
        site.run(message)
    assert parent.status().success_at is None
    assert "P.success" in events(site)


def test_t5_a_parent_of_children_only_works(site: Site) -> None:
    parent = named("P")
    with parent.jobs():
        for name in "CD":
            with named(name).jobs():
                site.push(name)
    status = parent.status()
    assert (status.total, status.children, status.progress) == (0, 2, 1.0)
    assert events(site) == []
    site.end_all()
    assert events(site)[-2:] == ["P.success", "P.finished"]


def test_children_are_kept_out_of_the_job_figures(site: Site) -> None:
    parent, child = family(site)
    status = parent.status()
    assert (status.total, status.pending, status.children, status.parent_bid) == (1, 1, 1, None)
    assert child.status().parent_bid == parent.bid
    site.end_all(DIED)
    events(site)
    status = parent.status()
    assert (status.total, status.done, status.failing, status.dead) == (1, 0, 0, 1)


def test_death_reaches_every_ancestor_once_with_five_dying_jobs(site: Site) -> None:
    root = named("R")
    with root.jobs():
        site.push("r")
        middle = named("M")
        with middle.jobs():
            leaf = named("L")
            with leaf.jobs():
                for number in range(5):
                    site.push(number)
    for message in jobs_of(site, leaf):
        site.end(message, DIED)
    assert sorted(event for event in events(site) if event.endswith("death")) == ["L.death", "M.death", "R.death"]
    assert root.status().state == "dead"


def test_a_dead_job_below_that_is_run_again_and_succeeds_brings_success_upward(site: Site) -> None:
    parent, child = family(site)
    (a,), (x,) = jobs_of(site, parent), jobs_of(site, child)
    site.end(a)
    site.end(x, DIED)
    assert sorted(events(site)) == sorted(
        ["C.complete", "C.death", "C.finished", "P.complete", "P.death", "P.finished"]
    )
    site.end(x)
    assert events(site) == ["C.success", "P.success"]


def test_a_callback_that_dies_settles_its_batch_in_the_parent_and_run_again_lets_it_go_on(site: Site) -> None:
    _parent, _child = family(site)
    site.end_all()
    extension = site.client.extensions["batch"]
    dead = next(m for m in site.crew.callbacks if m.batch.event == "success")  # type: ignore[union-attr]
    site.crew.queue.remove(dead)
    site.client.perform(extension.finished(dead, DIED, RuntimeError()))
    assert sorted(event for event in events(site) if event.startswith("P")) == ["P.complete", "P.death", "P.finished"]
    site.run(dead)
    assert events(site) == ["C.success", "P.success"]


def test_six_deep_the_events_unwind_from_the_bottom(site: Site) -> None:
    def nest(depth: int) -> None:
        batch = named(str(depth))
        with batch.jobs():
            if depth < 6:
                nest(depth + 1)
            else:
                site.push("bottom")

    nest(1)
    site.end_all()
    assert [event for event in events(site) if event.endswith("success")] == [f"{n}.success" for n in range(6, 0, -1)]


@pytest.mark.timeout(300)
def test_a_thousand_children_wide(site: Site) -> None:
    parent = Batch().on("success", heard.note)
    with parent.jobs():
        for number in range(1_000):
            with Batch().jobs():
                site.push(number)
    assert parent.status().children == 1_000
    site.end_all()
    site.call_back()
    assert len(heard.CALLS) == 1


def test_children_are_pushed_with_the_outermost_block_parent_first(site: Site) -> None:
    parent = named("P")
    with parent.jobs():
        with named("C").jobs():
            site.push("x")
        site.push("a")
        assert site.crew.queue == []
    assert [message.args[0] for message in site.crew.members] == ["a", "x"]


def test_an_exception_outside_undoes_the_children_too(site: Site) -> None:
    with pytest.raises(ZeroDivisionError), named("P").jobs():
        with named("C").jobs():
            site.push("x")
        raise ZeroDivisionError
    assert site.crew.queue == []
    assert site.client.store.run(command("DBSIZE", [], [], int)) == 0


def test_an_exception_in_the_childs_block_that_is_handled_leaves_the_parents_jobs(site: Site) -> None:
    parent = named("P")
    with parent.jobs():
        try:
            with named("C").jobs():
                site.push("x")
                raise ZeroDivisionError
        except ZeroDivisionError:
            site.push("a")
    assert [message.args[0] for message in site.crew.members] == ["a"]
    assert parent.status().children == 0


def test_several_blocks_of_one_child(site: Site) -> None:
    parent = named("P")
    with parent.jobs():
        child = named("C")
        for number in range(3):
            with child.jobs():
                site.push(number)
    assert (child.status().total, parent.status().children) == (3, 1)
    site.end_all()
    assert events(site)[-1] == "P.finished"


@pytest.mark.parametrize("held", [False, True], ids=["autoflush", "with Batch()"])
def test_a_child_that_is_pushed_before_the_outer_block_ends_holds_the_parent_open(site: Site, held: bool) -> None:
    parent = named("P")
    with parent.jobs():
        child = named("C")
        if held:
            with child, child.jobs():
                site.push("x")
        else:
            with child.jobs(autoflush=1):
                site.push("x")
        site.end_all()
        assert "P.success" not in events(site)
        assert parent.status().open
    assert events(site) == ["P.complete", "P.success", "P.finished"]


def test_parent_none_is_nobodys_child(site: Site) -> None:
    parent = named("P")
    with parent.jobs():
        stranger = Batch(parent=None)
        with stranger.jobs():
            site.push("x")
        assert len(site.crew.members) == 1
    assert stranger.status().parent_bid is None
    assert parent.status().children == 0


def test_a_batch_of_another_client_is_nobodys_child(site: Site, new_client: Callable[..., Shiftboss]) -> None:
    other = new_client(namespace="other", engine=Crew())
    with Batch().jobs():
        stranger = Batch(client=other)
        with stranger.jobs():
            pass
        assert stranger.status().parent_bid is None
        assert stranger.status().state == "succeeded"
    with pytest.raises(ConfigError, match="a batch has the client of its parent"):
        Batch(parent=Batch(), client=other)


def test_a_running_member_adds_a_child(site: Site) -> None:
    parent = named("P")
    with parent.jobs():
        site.push("a")
    (a,) = site.crew.members
    with running(CurrentJob(a.id, "low", a)):
        batch = current_batch()
        assert batch is not None
        with batch.jobs():
            child = named("C")
            with child.jobs():
                site.push("x")
    site.end(a)
    assert events(site) == []
    site.end_all()
    assert events(site)[-2:] == ["P.success", "P.finished"]


def test_t9_a_childs_callback_opens_the_parent_and_adds_the_next_child(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []

    def next_step(status: object, options: dict[str, object]) -> None:
        steps.append(str(options["step"]))
        if len(steps) < 3:
            parent = Batch.open(status.parent_bid)  # type: ignore[attr-defined]
            with parent.jobs():
                step(len(steps) + 1)

    monkeypatch.setattr(heard, "add_more", next_step)
    next_step.__module__, next_step.__qualname__ = heard.__name__, "add_more"

    def step(number: int) -> None:
        with Batch().on("success", next_step, {"step": number}).jobs():
            site.push(number)

    overall = named("P")
    with overall.jobs():
        step(1)
    for _ in range(3):
        site.end_all()
        site.call_back()
    assert steps == ["1", "2", "3"]
    assert overall.status().children == 3
    assert "P.success" in events(site)


def test_a_child_cannot_join_a_parent_that_has_finished(site: Site) -> None:
    parent = Batch()
    with parent.jobs():
        site.push(1)
    site.end_all()
    with pytest.raises(BatchClosed), Batch(parent=parent).jobs():
        site.push(2)
    assert site.crew.members == []


def test_an_active_descendant_renews_its_ancestors(site: Site) -> None:
    day = 86_400_000
    root = Batch()
    with root.jobs():
        middle = Batch()
        with middle.jobs():
            leaf = Batch()
            with leaf.jobs():
                site.push(1)
                site.push(2)
    run: Callable[..., int] = site.client.store.run
    for batch in (root, middle, leaf):
        run(command("PEXPIRE", [batch.keys.record], [day], int))
        site.age(batch.keys, day)
    site.end(site.crew.members[0])
    for batch in (root, middle, leaf):
        assert run(command("PTTL", [batch.keys.record], [], int)) > 29 * day


def test_what_a_crash_left_untold_the_reaper_tells_the_parent(site: Site) -> None:
    from shiftboss import outbox
    from shiftboss.batches import calls

    parent = Batch().on("success", heard.note)
    with parent.jobs():
        child = Batch()
        with child.jobs():
            site.push(1)
    position = site.crew.members[0].batch.position  # type: ignore[union-attr]
    items = site.client.store.run(calls.ack(child.keys, child.bid, "low", 0, [position, "s", ""]))
    assert [item.split("|")[3] for item in items if item.startswith("batch|up|")] == ["ran", "done"]
    site.client.perform(outbox.reap(site.client, "reaper"))
    site.call_back()
    assert len(heard.CALLS) == 1


def shorten(site: Site, batch: Batch, milliseconds: int) -> None:
    """As if so much of its time had passed since it was last renewed, with 5 s left to live."""
    site.client.store.run(command("PEXPIRE", [batch.keys.record], [5_000], int))
    site.age(batch.keys, milliseconds)


def life(site: Site, batch: Batch) -> int:
    return site.client.store.run(command("PTTL", [batch.keys.record], [], int))


def test_a_parent_that_lives_shorter_than_its_child_is_renewed_in_time(site: Site) -> None:
    parent = Batch(expires_in=60)
    with parent.jobs():
        child = Batch()
        with child.jobs():
            site.push(1)
            site.push(2)
    for batch in (parent, child):
        shorten(site, batch, 1_000)
    site.end(site.crew.members[0])
    assert life(site, parent) > 50_000


def test_a_child_that_is_only_added_to_renews_its_parent(site: Site) -> None:
    from shiftboss import outbox

    parent = Batch(expires_in=60)
    with parent.jobs():
        child = Batch()
        with child.jobs():
            site.push(1)
    for batch in (parent, child):
        shorten(site, batch, 1_000)
    with child.jobs():
        site.push(2)
    site.client.perform(outbox.reap(site.client, "reaper"))
    assert life(site, parent) > 50_000


def test_a_childs_callback_may_add_to_a_parent_that_has_finished(site: Site) -> None:
    parent, child = family(site)
    site.end_all(DIED)
    assert parent.status().finished_at is not None
    (callback, *_) = [m for m in site.crew.callbacks if m.batch.bid == child.bid]  # type: ignore[union-attr]
    with running(CurrentJob(callback.id, "low", callback)), Batch.open(parent.bid).jobs():
        site.push("once more")
    assert len(jobs_of(site, parent)) == 1
    with pytest.raises(BatchClosed), Batch.open(parent.bid).jobs():
        site.push("from outside")


def test_a_child_that_is_deleted_as_soon_as_it_has_succeeded_counts_as_that(site: Site) -> None:
    from shiftboss.batches import calls

    parent = Batch().on("success", heard.note, {"event": "P.success"})
    with parent.jobs():
        child = Batch()
        with child.jobs():
            site.push(1)
    position = site.crew.members[0].batch.position  # type: ignore[union-attr]
    # Whoever ended the job has not told the parent yet.
    site.client.store.run(calls.ack(child.keys, child.bid, "low", 0, [position, "s", ""]))
    child.delete()
    assert events(site) == ["P.success"]


def test_a_child_that_its_success_callback_deletes_counts_as_succeeded(site: Site) -> None:
    parent = Batch().on("success", heard.note, {"event": "P.success"})
    with parent.jobs():
        child = Batch().on("success", heard.note, {"event": "C.success"})
        with child.jobs():
            site.push(1)
    site.end_all()
    assert child.status().callbacks[0].state == "due"
    child.delete()
    assert parent.status().success_at is not None


def test_a_death_callback_that_dies_ends_nothing(site: Site) -> None:
    parent = named("P")
    with parent.jobs():
        child = Batch().on("death", heard.note, {"event": "C.death"})
        with child.jobs():
            site.push("dies")
            site.push("goes on")
    first, second = site.crew.members
    site.end(first, DIED)
    (callback,) = [m for m in site.crew.callbacks if m.batch.bid == child.bid]  # type: ignore[union-attr]
    site.crew.queue.remove(callback)
    site.client.perform(site.client.extensions["batch"].finished(callback, DIED, RuntimeError()))
    assert (parent.status().complete_at, parent.status().finished_at) == (None, None)
    site.end(second)
    assert "P.complete" in events(site)


def test_complete_may_come_after_finished_and_is_waited_for(site: Site) -> None:
    parent, child = family(site)
    site.end_all(DIED)
    assert (parent.status().finished_at is None, parent.status().complete_at) == (False, None)
    with pytest.raises(WaitTimeout):
        parent.join(timeout=0.01, event="complete")
    with pytest.raises(BatchError, match="finished without success"):
        parent.join(timeout=0.01, event="success")
    events(site)
    assert parent.join(timeout=1, event="complete").complete_at is not None
    assert child.status().complete_at is not None


def test_a_parent_that_is_named_within_its_own_block_is_one(site: Site) -> None:
    month = named("month")
    with month.jobs():
        site.push("a")
        with Batch(parent=month).jobs():
            site.push("b")
    assert month.status().children == 1


def test_a_parent_that_was_not_flushed_is_said_to_be_not_there_yet(site: Site) -> None:
    not_yet = pytest.raises(BatchNotFound, match="is not in Redis yet: its first jobs block has not ended")
    with not_yet, Batch(parent=Batch()).jobs():
        site.push(1)
