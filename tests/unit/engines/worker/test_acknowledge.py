"""Which acknowledgements travel together."""

from __future__ import annotations

from dataclasses import replace

from shiftboss.engines.sidekiq.payload import decode
from shiftboss.engines.sidekiq.worker.acknowledge import MOST_BYTES, groups
from shiftboss.engines.sidekiq.worker.hold import Ended, Run
from shiftboss.jobs import CallbackOf, Member, Outcome


def done(number: int, queue: str = "low", bid: str | None = None, keep: bytes = b"") -> Ended:
    payload = decode(b'{"class":"Job","args":[],"jid":"ab","queue":"low"}')
    if bid:
        payload = replace(payload, message=replace(payload.message, batch=Member(bid, number)))
    return Ended(Run(number, queue, b"raw", payload), "done", Outcome.SUCCEEDED, keep)


def sizes(*ended: Ended) -> list[int]:
    return [len(group) for group in groups(ended)]


def test_at_most_two_hundred_at_once() -> None:
    assert sizes(*(done(n) for n in range(450))) == [200, 200, 50]


def test_members_of_one_batch_and_queue_go_together() -> None:
    ended = [done(0), done(1, bid="aa"), done(2, bid="bb"), done(3, bid="aa"), done(4, "high", bid="aa"), done(5)]
    assert [[one.run.number for one in group] for group in groups(ended)] == [[0, 5], [1, 3], [2], [4]]


def test_a_callback_stands_alone() -> None:
    callback = done(1)
    assert callback.run.payload is not None
    message = replace(callback.run.payload.message, batch=CallbackOf("aa", "success", 0))
    callback.run.payload = replace(callback.run.payload, message=message)
    assert sizes(done(0), callback, done(2)) == [2, 1]


def test_large_payloads_do_not_pile_up() -> None:
    large = b"x" * (MOST_BYTES // 2)
    assert sizes(*(done(n, keep=large) for n in range(3))) == [1, 1, 1]
    assert sizes(done(0, keep=large * 3)) == [1]


def test_what_could_not_be_read_belongs_to_no_batch() -> None:
    assert sizes(Ended(Run(1, "low", b"?"), "dead", Outcome.DIED), done(2)) == [2]
