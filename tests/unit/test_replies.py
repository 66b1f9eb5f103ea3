"""What is due on a connection of an event loop: order, deadlines, and its end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from shiftboss.store import replies as replies_module
from shiftboss.store.replies import GRAIN, LATE, Replies

pytestmark = pytest.mark.asyncio


def soon(seconds: float) -> float:
    return time.monotonic() + seconds


async def soon_true(predicate: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not predicate():  # noqa: ASYNC110  what is waited for sets no event
            await asyncio.sleep(0.005)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> float:
    """A connection counts as dead sooner."""
    monkeypatch.setattr(replies_module, "SILENCE", 0.05)
    return 0.05


async def test_replies_are_handed_out_in_the_order_of_the_commands() -> None:
    replies = Replies()
    first, second = replies.expect(soon(5)), replies.expect(soon(1))
    replies.hand_out(b"1")
    assert (first.done(), second.done(), len(replies)) == (True, False, 1)
    replies.hand_out(b"2")
    assert (await first, await second, len(replies)) == (b"1", b"2", 0)


async def test_each_is_given_up_at_its_own_deadline() -> None:
    replies = Replies()
    began = time.monotonic()
    patient, hasty = replies.expect(soon(60)), replies.expect(soon(0.05))
    assert await hasty is LATE
    assert time.monotonic() - began >= 0.05 - GRAIN
    assert not patient.done()
    replies.hand_out(b"of the patient one")
    assert await patient == b"of the patient one"


async def test_what_was_given_up_still_has_its_turn() -> None:
    replies = Replies()
    late, next_one = replies.expect(soon(0)), replies.expect(soon(60))
    assert await late is LATE
    replies.hand_out(b"too late")
    replies.hand_out(b"in time")
    assert await next_one == b"in time"


async def test_what_was_cancelled_still_has_its_turn() -> None:
    replies = Replies()
    cancelled, next_one = replies.expect(soon(0.01)), replies.expect(soon(60))
    cancelled.cancel()
    await asyncio.sleep(0.03)
    replies.hand_out(b"for nobody")
    replies.hand_out(b"here")
    assert await next_one == b"here"


async def test_many_deadlines_are_all_kept() -> None:
    replies = Replies()
    waiting = [replies.expect(soon(0.02 + n / 20_000)) for n in range(1000)]
    assert await asyncio.gather(*waiting) == [LATE] * 1000


async def test_at_its_end_all_who_wait_hear_why() -> None:
    replies = Replies()
    late, waiting = replies.expect(soon(0)), replies.expect(soon(60))
    assert await late is LATE
    lost = ConnectionError("lost")
    replies.end(lost)
    assert (await waiting, len(replies)) == (lost, 0)


async def test_silence_begins_with_the_first_command_that_waits() -> None:
    replies = Replies()
    await asyncio.sleep(0.02)
    began = time.monotonic()
    replies.expect(soon(60))
    assert replies.heard >= began
    heard = replies.heard
    await asyncio.sleep(0.02)
    replies.expect(soon(60))
    assert replies.heard == heard
    replies.hand_out(b"x")
    assert replies.heard > heard


@pytest.mark.parametrize("deadline", [60, 0.01], ids=["cancelled", "late"])
async def test_a_connection_on_which_nothing_comes_is_given_up_though_no_caller_waits(
    impatient: float, deadline: float
) -> None:
    replies, silences = Replies(), list[float]()
    replies.on_silence = lambda: silences.append(time.monotonic())
    began = time.monotonic()
    given_up = replies.expect(soon(deadline))
    if deadline == 60:
        given_up.cancel()
    await soon_true(lambda: silences)
    assert silences[0] - began > impatient


async def test_a_connection_for_which_somebody_waits_patiently_is_left_alone(impatient: float) -> None:
    replies, silences = Replies(), list[float]()
    replies.on_silence = lambda: silences.append(time.monotonic())
    waiting = replies.expect(soon(60))
    await asyncio.sleep(impatient * 4)
    assert silences == []
    replies.hand_out(b"slow")
    assert await waiting == b"slow"


async def test_an_event_loop_that_was_busy_itself_gives_no_connection_up() -> None:
    replies, silences = Replies(), list[float]()
    replies.on_silence = lambda: silences.append(time.monotonic())
    replies.expect(soon(60)).cancel()
    replies.heard = soon(-10)
    replies._alarm_at = soon(-9)
    replies._ring(asyncio.get_running_loop())
    assert silences == []
    replies.heard = soon(-10)
    replies._ring(asyncio.get_running_loop())
    assert len(silences) == 1
    replies.hand_out(b"")
