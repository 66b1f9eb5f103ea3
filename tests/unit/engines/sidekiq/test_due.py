"""When a job is due: in the future as epoch seconds, otherwise at once, and never at a moment that is not one."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from shiftboss.engines.sidekiq.due import due_at, due_in
from shiftboss.errors import JobError


@pytest.mark.parametrize("delay", [30, 30.5, timedelta(seconds=30), timedelta(days=300)])
def test_a_delay_counts_from_now(delay: float | timedelta) -> None:
    seconds = delay.total_seconds() if isinstance(delay, timedelta) else delay
    due = due_in("f", delay)
    assert due is not None
    assert abs(due - time.time() - seconds) < 5


@pytest.mark.parametrize("delay", [0, -1, -0.5, timedelta(0), timedelta(days=-1), -math.inf, -(10**400)])
def test_a_delay_that_is_not_positive_means_at_once(delay: Any) -> None:
    assert due_in("f", delay) is None


def test_a_moment_is_the_same_in_every_zone() -> None:
    when = datetime.now(UTC) + timedelta(hours=1)
    assert due_at("f", when) == due_at("f", when.astimezone(timezone(timedelta(hours=9)))) == when.timestamp()
    assert due_at("f", when.timestamp()) == when.timestamp()


@pytest.mark.parametrize("when", [0, -5, 1.5, datetime(2020, 1, 1, tzinfo=UTC), datetime.min.replace(tzinfo=UTC)])
def test_a_past_moment_means_at_once(when: Any) -> None:
    assert due_at("f", when) is None


def test_a_datetime_without_a_zone_is_refused() -> None:
    with pytest.raises(
        JobError, match=r"f: expected a datetime with a time zone, got datetime\.datetime\(2030.*astimezone"
    ):
        due_at("f", datetime(2030, 1, 1))  # noqa: DTZ001


@pytest.mark.parametrize("value", [None, "30", True, math.nan, [], 1j])
def test_what_is_no_time_is_refused(value: Any) -> None:
    with pytest.raises(JobError, match="expected a delay in seconds or a timedelta, got"):
        due_in("f", value)
    with pytest.raises(JobError, match="expected a datetime with a time zone or epoch seconds, got"):
        due_at("f", value)


@pytest.mark.parametrize("value", [math.inf, 10**400, 1_700_000_000_000, timedelta.max])
def test_a_time_that_no_calendar_has_is_refused(value: Any) -> None:
    with pytest.raises(JobError, match="after the year 9999"):
        due_in("f", value)
    if not isinstance(value, timedelta):
        with pytest.raises(JobError, match="not milliseconds"):
            due_at("f", value)
