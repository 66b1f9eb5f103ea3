"""What is in hand: slots, and what the in-flight list may hold."""

from __future__ import annotations

from collections import Counter

from shiftboss.engines.sidekiq.worker.hold import Hold, unknown


def test_a_slot_is_free_when_the_job_has_ended_and_it_is_held_until_it_is_settled() -> None:
    hold = Hold(2)
    first, _ = hold.take([("low", b"a"), ("low", b"b")])
    assert (hold.free, hold.busy, hold.held) == (0, 2, 2)
    assert hold.end(first)
    assert (hold.free, hold.busy, hold.held) == (1, 1, 2)
    assert hold.payloads() == Counter([b"a", b"b"])
    hold.settle([first])
    assert (hold.free, hold.busy, hold.held) == (1, 1, 1)


def test_a_run_ends_once() -> None:
    hold = Hold(1)
    (run,) = hold.take([("low", b"a")])
    assert hold.end(run)
    assert not hold.end(run)


def test_more_than_the_slots_may_be_held_after_a_lost_reply() -> None:
    hold = Hold(1)
    hold.take([("low", b"a"), ("low", b"b")])
    assert hold.free == 0


def test_waiting_until_nothing_runs() -> None:
    hold = Hold(1)
    assert hold.wait_idle(0)
    (run,) = hold.take([("low", b"a")])
    assert not hold.wait_idle(0)
    hold.end(run)
    assert hold.wait_idle(0)


def test_a_copy_that_is_not_known_is_told_from_one_that_is() -> None:
    assert unknown([b"a", b"a", b"b"], Counter([b"a"])) == [b"a", b"b"]
    assert unknown([], Counter([b"a"])) == []
