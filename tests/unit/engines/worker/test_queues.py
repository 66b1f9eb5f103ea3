"""Which queues are asked first."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from shiftboss.engines.sidekiq.worker.queues import Queues
from shiftboss.errors import ConfigError


def test_without_weights_the_order_is_strict() -> None:
    queues = Queues.parse(["b", "a", "c"])
    assert all(queues.order() == ["b", "a", "c"] for _ in range(20))


def test_a_queue_comes_first_as_often_as_it_weighs() -> None:
    queues = Queues.parse([("heavy", 6), ("middle", 3), "light"])
    first = Counter(queues.order()[0] for _ in range(5_000))
    assert first["heavy"] == pytest.approx(3_000, abs=300)
    assert first["middle"] == pytest.approx(1_500, abs=300)
    assert first["light"] == pytest.approx(500, abs=200)
    assert sorted(queues.order()) == ["heavy", "light", "middle"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "expected queues to be a list"),
        ("default", "expected queues to be a list"),
        ([""], "expected a queue name of 1 to 128 characters"),
        (["a b"], "expected a queue name"),
        (["a", ("a", 2)], "queue 'a' is named twice"),
        ([("a", 0)], r"expected a queue to be a name or \(name, weight of 1 or more\)"),
        ([("a", True)], "expected a queue to be a name"),
        ([7], "expected a queue to be a name"),
    ],
)
def test_what_cannot_be_right_is_refused(given: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Queues.parse(given)
