"""Counting the ticks of a gap, against looking at each of them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shiftboss.periodic.counting import count_between
from shiftboss.periodic.cron import next_instant, parse
from tests.unit.periodic.test_cron import EXPRESSIONS, HARD, MOMENTS, ZONES, at


def agree(expression: str, zone: str, since: int, seconds: int) -> None:
    cron = parse(expression, "x")
    after = next_instant(cron, zone, since)
    end, instant, looked = after + seconds, after, 0
    while (instant := next_instant(cron, zone, instant)) < end:
        looked += 1
    assert count_between(cron, zone, after, end) == looked


@settings(max_examples=50, deadline=None)
@given(EXPRESSIONS, st.sampled_from(ZONES), MOMENTS, st.integers(1, 3 * 86_400))
def test_as_many_are_counted_as_one_who_looks_at_each_finds(
    expression: str, zone: str, since: int, seconds: int
) -> None:
    agree(expression, zone, since, seconds)


@pytest.mark.stress
@pytest.mark.timeout(3600)
@settings(max_examples=15_000, deadline=None)
@given(EXPRESSIONS, st.sampled_from(ZONES), MOMENTS, st.integers(1, 3 * 86_400))
def test_fifteen_thousand_gaps(expression: str, zone: str, since: int, seconds: int) -> None:
    agree(expression, zone, since, seconds)


@pytest.mark.parametrize("zone", HARD)
@pytest.mark.parametrize("expression", ["30 2 * * *", "*/20 0-3 * * *", "0,15,30,45 0-3,23 * * sun"])
def test_a_year_with_all_changes_of_a_hard_zone(zone: str, expression: str) -> None:
    agree(expression, zone, at("2026-01-01T00:00"), 366 * 86_400)


@pytest.mark.parametrize(
    "expression",
    [
        "0 12 L * *",
        "30 4 * * 5#2",
        "H H * * *",
        "H/20 3 H * *",
        "0 0 13 * fri",
        "0 0 13,L * fri#2",
        "@weekly",
        "0 0 29 2 *",
        "7-7 3 ? * mon",
    ],
)
def test_whatever_cron_can_say(expression: str) -> None:
    agree(expression, "Europe/Berlin", at("2026-01-01T00:00"), 800 * 86_400)


def test_an_end_within_and_at_a_jump() -> None:
    """2:00 to 3:00 on 29 March 2026 in Berlin, at 01:00 UTC."""
    jump = at("2026-03-29T01:00")
    for seconds in range(-7200, 7201, 60):
        for expression in ("30 2 * * *", "*/30 * * * *", "0,30 1-4 * * *"):
            cron, after = parse(expression, "x"), at("2026-03-27T12:00")
            first = next_instant(cron, "Europe/Berlin", after)
            agree(expression, "Europe/Berlin", after, jump + seconds - first)
