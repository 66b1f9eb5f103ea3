"""Rates from looks at counters, and charts of them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from shiftboss.engines.sidekiq.durations import BUCKETS
from shiftboss.web.chart import by_day, by_duration, by_look, by_minute, nice
from shiftboss.web.pace import LOOKS, Pace, Rate


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr("shiftboss.web.pace.monotonic", lambda: now[0])
    return now


def test_a_rate_is_what_ran_between_two_looks(clock: list[float]) -> None:
    pace = Pace()
    assert pace.look(1_000, 10) == []
    clock[0] += 3
    assert pace.look(1_600, 13) == [Rate(0, 200, 1)]
    clock[0] += 2
    assert pace.look(1_600, 13) == [Rate(2, 200, 1), Rate(0, 0, 0)]


def test_looks_that_come_too_soon_are_one(clock: list[float]) -> None:
    pace = Pace()
    pace.look(0, 0)
    clock[0] += 0.2
    assert pace.look(50, 0) == []
    clock[0] += 0.8
    assert pace.look(100, 0) == [Rate(0, 100, 0)]


@pytest.mark.parametrize(("later", "processed"), [(3, 5), (60, 2_000)])
def test_after_a_reset_or_a_long_while_it_begins_anew(clock: list[float], later: float, processed: int) -> None:
    pace = Pace()
    pace.look(1_000, 10)
    clock[0] += later
    assert pace.look(processed, 10) == []
    clock[0] += 1
    assert pace.look(processed + 7, 10) == [Rate(0, 7, 0)]


def test_so_many_looks_are_kept(clock: list[float]) -> None:
    pace = Pace()
    for n in range(3 * LOOKS):
        clock[0] += 3
        rates = pace.look(n * 30, 0)
    assert len(rates) == LOOKS
    assert {rate.processed for rate in rates} == {10}


def test_a_chart_of_looks_grows_from_the_right() -> None:
    chart = by_look([Rate(3, 5, 0), Rate(0, 20, 5)], 10)
    assert chart.top == 20
    assert [(bar.height, bar.part_height) for bar in chart.bars] == [(25, 0), (100, 25)]
    assert chart.bars[0].x > 80
    assert by_look([], 10).bars == []


def test_a_chart_of_days_begins_with_the_oldest() -> None:
    chart = by_day({date(2026, 11, 25): (10, 20), date(2026, 11, 24): (5, 0)})
    assert [bar.name for bar in chart.bars] == ["24 Nov", "25 Nov"]
    assert chart.bars[1].part_height <= chart.bars[1].height
    assert (chart.whole, chart.part) == (15, 20)


def test_the_top_of_a_chart_is_round_and_high_enough() -> None:
    for most in (0, 1, 9.5, 10, 11, 99, 100, 101, 12_345, 10**9 + 1):
        assert most <= nice(most) <= max(10, most * 10)
    assert [nice(most) for most in (10, 20, 21, 50, 51, 100)] == [10, 20, 50, 50, 100, 100]


def test_a_chart_of_minutes_adds_up_what_one_bar_stands_for() -> None:
    now = datetime(2026, 11, 25, 12, 30, 40, tzinfo=UTC)
    begin = now.replace(second=0)
    minutes = [
        (begin, 6, 2),
        (begin - timedelta(minutes=7), 3, 0),
        (begin - timedelta(minutes=8), 1, 0),
        (begin - timedelta(minutes=500), 99, 0),
    ]
    chart = by_minute(minutes, now, 8)
    assert [(bar.name, bar.whole, bar.part) for bar in chart.bars[-2:]] == [("8 min ago", 1, 0), ("0 min ago", 9, 2)]
    assert (len(chart.bars), chart.whole, chart.part) == (60, 10, 2)
    assert by_minute(minutes, now, 1).bars[-1].whole == 6


def test_a_chart_of_durations_has_a_bar_for_each_bucket() -> None:
    chart = by_duration([1, 0, 5, *[0] * (BUCKETS - 4), 2])
    assert (len(chart.bars), chart.whole) == (BUCKETS, 8)
    assert [(bar.name, bar.whole) for bar in (chart.bars[0], chart.bars[2], chart.bars[-1])] == [
        ("up to 0.02 s", 1),
        ("up to 0.045 s", 5),
        ("above 335 s", 2),
    ]
    assert by_duration([]).whole == 0
