"""What a limiter can be."""

from __future__ import annotations

import math
import pickle
from datetime import timedelta

import pytest

from shiftboss.config import ConfigError
from shiftboss.limiters import OverLimit, concurrent


@pytest.mark.parametrize(
    "name", ["", "a b", "a{b}", "a\n", "é", "x" * 129, "a/b", None, 5, "a'b"], ids=lambda name: repr(name)[:12]
)
def test_a_name_is_letters_digits_and_a_few_signs(name: str) -> None:
    with pytest.raises(ConfigError, match="expected a limiter's name"):
        concurrent(name, 1)


@pytest.mark.parametrize("size", [0, -1, 1.5, "3", None, True, 10**7])
def test_a_size_is_a_number_of_slots(size: int) -> None:
    with pytest.raises(ConfigError, match="expected size to be a whole number from 1"):
        concurrent("erp", size)


@pytest.mark.parametrize("option", ["wait_timeout", "lock_timeout", "ttl"])
@pytest.mark.parametrize("value", [-1, math.nan, math.inf, "5", None, True, 10**12])
def test_a_duration_that_cannot_be_is_refused_without_a_round_trip(option: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"expected {option}"):
        concurrent("erp", 1, **{option: value})  # type: ignore[arg-type]


def test_not_waiting_is_zero_and_a_lease_is_not() -> None:
    assert concurrent("erp", 1, wait_timeout=0).wait_timeout == 0
    with pytest.raises(ConfigError, match="lock_timeout"):
        concurrent("erp", 1, lock_timeout=0)


def test_durations_may_be_timedeltas() -> None:
    erp = concurrent("erp", 1, wait_timeout=timedelta(minutes=2), lock_timeout=timedelta(seconds=60))
    assert (erp.wait_timeout, erp.lock_timeout) == (120.0, 60.0)


def test_a_policy_is_one_of_two() -> None:
    with pytest.raises(ConfigError, match="expected policy to be 'raise' or 'skip', got 'ignore'"):
        concurrent("erp", 1, policy="ignore")  # type: ignore[arg-type]


def test_an_error_knows_its_limiter_until_it_leaves_the_process() -> None:
    error = OverLimit("no room", "erp", 2.5, concurrent("erp", 1))
    same = pickle.loads(pickle.dumps(error))
    assert (same.limiter, same.retry_after, same.source) == ("erp", 2.5, None)
    assert error.source == concurrent("erp", 1)
