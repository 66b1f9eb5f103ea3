"""Patience: rounds go on through every error, and an outage is told of once."""

from __future__ import annotations

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from shiftboss.engines.sidekiq.worker.backoff import Backoff
from shiftboss.engines.sidekiq.worker.outage import Outage
from shiftboss.engines.sidekiq.worker.rounds import Rounds


class Flaky(Rounds):
    def __init__(self, outage: Outage, errors: list[Exception]) -> None:
        super().__init__("flaky", outage)
        self._backoff = Backoff(0.001, 0.001)
        self.errors = errors

    def interval(self) -> float:
        return 0.001

    def round(self) -> None:
        if self.errors:
            raise self.errors.pop(0)


def test_an_outage_is_told_of_once_and_its_end_too(caplog: pytest.LogCaptureFixture) -> None:
    flaky = Flaky(Outage("here"), [RedisConnectionError("gone")] * 3)
    round_ended = flaky.rounds.listen()
    flaky.start()
    for _ in range(6):
        round_ended(5)
    flaky.stop()
    assert [record.message for record in caplog.records] == [
        "Redis at here does not serve us (ConnectionError: gone); trying on",
        "Redis at here serves us again",
    ]


def test_a_fault_of_ours_is_logged_and_does_not_end_the_loop(caplog: pytest.LogCaptureFixture) -> None:
    flaky = Flaky(Outage("here"), [KeyError("ours")])
    round_ended = flaky.rounds.listen()
    flaky.start()
    round_ended(5), round_ended(5)
    flaky.stop()
    assert "flaky failed; it goes on" in caplog.text


def test_pauses_double_up_to_a_limit_and_begin_anew() -> None:
    backoff = Backoff(1, 4)
    pauses = [backoff.next() for _ in range(5)]
    assert all(0.75 * most <= pause <= most for pause, most in zip(pauses, [1, 2, 4, 4, 4], strict=True))
    backoff.reset()
    assert backoff.next() <= 1
