"""What cron means, against tables and against a reader that looks at every minute."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shiftboss import ScheduleError
from shiftboss.periodic.cron import Cron, next_instant, parse

HARD = [
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "America/St_Johns",
    "Pacific/Apia",
    "Antarctica/Troll",
    "Africa/Casablanca",
    "Africa/Cairo",
    "America/Havana",
    "America/Santiago",
    "America/Nuuk",
    "Europe/Dublin",
]
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Sydney", *HARD]


def at(text: str, zone: str = "UTC") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())


def fires(cron: str, zone: str, since: str, count: int) -> list[str]:
    """The next so many instants, as they read in UTC."""
    instant, found = at(since, zone), []
    for _ in range(count):
        instant = next_instant(parse(cron, "x"), zone, instant)
        found.append(f"{datetime.fromtimestamp(instant, UTC):%m-%d %H:%M}")
    return found


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("* * * * *", ["01-01 00:01", "01-01 00:02", "01-01 00:03"]),
        ("*/20 * * * *", ["01-01 00:20", "01-01 00:40", "01-01 01:00"]),
        ("5,35 6-7 * * *", ["01-01 06:05", "01-01 06:35", "01-01 07:05"]),
        ("0 3 * * mon-fri", ["01-01 03:00", "01-02 03:00", "01-05 03:00"]),
        ("0 0 1 jan,jul *", ["07-01 00:00", "01-01 00:00", "07-01 00:00"]),
        ("0 0 29 2 *", ["02-29 00:00", "02-29 00:00", "02-29 00:00"]),
        ("0 12 L * *", ["01-31 12:00", "02-28 12:00", "03-31 12:00"]),
        ("0 0 * * 5#2", ["01-09 00:00", "02-13 00:00", "03-13 00:00"]),
        ("0 0 * * 0", ["01-04 00:00", "01-11 00:00", "01-18 00:00"]),
        ("0 0 * * 7", ["01-04 00:00", "01-11 00:00", "01-18 00:00"]),
        ("0 0 13 * fri", ["01-02 00:00", "01-09 00:00", "01-13 00:00"]),
        ("0 0 1 * fri#2", ["01-09 00:00", "02-01 00:00", "02-13 00:00"]),
        ("0 0 1,15 * mon#1,L5", ["01-05 00:00", "01-15 00:00", "01-30 00:00"]),
        ("0 0 L,1 * thu", ["01-08 00:00", "01-15 00:00", "01-22 00:00"]),
        ("0 0 L * sat", ["01-03 00:00", "01-10 00:00", "01-17 00:00"]),
        ("0 0 30 2 mon#1", ["02-02 00:00", "02-01 00:00", "02-07 00:00"]),
        ("0-0 0 * * mon-mon", ["01-05 00:00", "01-12 00:00", "01-19 00:00"]),
        ("@hourly", ["01-01 01:00", "01-01 02:00", "01-01 03:00"]),
        ("@Daily", ["01-02 00:00", "01-03 00:00", "01-04 00:00"]),
        ("@weekly", ["01-04 00:00", "01-11 00:00", "01-18 00:00"]),
        ("@yearly", ["01-01 00:00", "01-01 00:00", "01-01 00:00"]),
    ],
)
def test_the_dialect(cron: str, expected: list[str]) -> None:
    assert fires(cron, "UTC", "2026-01-01T00:00", 3) == expected


def test_h_is_the_same_everywhere_for_one_name_and_spreads_the_names() -> None:
    first = [next_instant(parse("H H * * *", f"entry-{n}"), "UTC", at("2026-01-01T00:00")) for n in range(40)]
    again = [next_instant(parse("H H * * *", f"entry-{n}"), "UTC", at("2026-01-01T00:00")) for n in range(40)]
    assert first == again
    assert len(set(first)) > 30


@pytest.mark.parametrize(
    ("cron", "zone", "since", "expected"),
    [
        # Spring forward: 2:00 to 3:00 on 29 March 2026 in Berlin (01:00 UTC).
        ("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00", ["03-29 01:00", "03-30 00:30"]),
        ("0 2 * * *", "Europe/Berlin", "2026-03-28T12:00", ["03-29 01:00", "03-30 00:00"]),
        ("30 * * * *", "Europe/Berlin", "2026-03-29T00:45", ["03-29 00:30", "03-29 01:30"]),
        ("*/30 * * * *", "Europe/Berlin", "2026-03-29T01:30", ["03-29 01:00", "03-29 01:30"]),
        # Fall back: 3:00 to 2:00 on 25 October 2026 in Berlin (01:00 UTC).
        ("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00", ["10-25 00:30", "10-26 01:30"]),
        ("*/30 * * * *", "Europe/Berlin", "2026-10-25T01:45", ["10-25 00:00", "10-25 00:30", "10-25 01:00", "10-25 01:30", "10-25 02:00"]),
        ("0 * * * *", "America/New_York", "2026-11-01T00:30", ["11-01 05:00", "11-01 06:00", "11-01 07:00"]),
        # Half an hour forward in Lord Howe: 2:00 to 2:30 on 4 October 2026 (15:30 UTC the day before).
        ("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00", ["10-03 15:30", "10-04 15:15"]),
        ("*/15 2 * * *", "Australia/Lord_Howe", "2026-10-04T01:00", ["10-03 15:30", "10-03 15:45"]),
    ],
)  # fmt: skip
def test_p10_where_the_clock_jumps(cron: str, zone: str, since: str, expected: list[str]) -> None:
    assert fires(cron, zone, since, len(expected)) == expected


def test_near_a_jump_few_matches_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    looked, matches = 0, Cron.on_the_wall

    def counting(cron: Cron, after: datetime) -> Iterator[datetime]:
        nonlocal looked
        for match in matches(cron, after):
            looked += 1
            yield match

    monkeypatch.setattr(Cron, "on_the_wall", counting)
    every_minute, instant = parse("* * * * *", "x"), at("2026-03-29T00:30")
    looked = 0
    for _ in range(60):
        instant = next_instant(every_minute, "Europe/Berlin", instant)
    assert looked < 200


def minute_by_minute(cron: str, zone: str, since: int, until: int) -> list[int]:
    """All instants at which it fires, by looking at each minute of the wall clock, and at each jump."""
    place, parsed = ZoneInfo(zone), parse(cron, "x")
    minute, hour, of_month, month, of_week = (_values(part, *bounds) for part, bounds in zip(parsed.fields.split(), [(0, 59), (0, 23), (1, 31), (1, 12), (0, 6)], strict=True))  # fmt: skip
    either = parsed.restricts_both_days

    def matches(wall: datetime) -> bool:
        days = (wall.day in of_month, wall.isoweekday() % 7 in of_week)
        return (
            wall.minute in minute and wall.hour in hour and wall.month in month and (any(days) if either else all(days))
        )

    found, seen = set(), set()
    for instant in range(since - since % 60 - 86_400, until, 60):
        wall = datetime.fromtimestamp(instant, place).replace(tzinfo=None)
        before = datetime.fromtimestamp(instant - 60, place).replace(tzinfo=None)
        if parsed.is_fixed and wall - before > timedelta(minutes=1):
            skipped = [before + timedelta(minutes=n) for n in range(1, int((wall - before).total_seconds() // 60))]
            if any(map(matches, skipped)):
                found.add(instant)
        if matches(wall) and not (parsed.is_fixed and wall in seen):
            found.add(instant)
        seen.add(wall)
    return sorted(instant for instant in found if since < instant < until)


def _values(field: str, low: int, high: int) -> set[int]:
    values: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        start, end = (low, high) if first == "*" else (int(first), int(last or (high if step else first)))
        values |= set(range(start, end + 1, int(step or 1)))
    return values


def number(low: int, high: int) -> st.SearchStrategy[str]:
    pair = st.tuples(st.integers(low, high), st.integers(low, high)).map(sorted)
    return st.one_of(
        st.just("*"),
        st.integers(2, max(2, high // 2)).map(lambda n: f"*/{n}"),
        st.integers(low, high).map(str),
        st.lists(st.integers(low, high), min_size=1, max_size=3, unique=True).map(lambda ns: ",".join(map(str, ns))),
        pair.map(lambda p: f"{p[0]}-{p[1]}"),
        st.tuples(pair, st.integers(1, 7)).map(lambda t: f"{t[0][0]}-{t[0][1]}/{t[1]}"),
    )


EXPRESSIONS = st.tuples(number(0, 59), number(0, 23), number(1, 28), st.just("*"), number(0, 6)).map(" ".join)
# Half of them within two days of a change of some zone's clock.
MOMENTS = st.one_of(
    st.integers(at("2025-01-01T00:00"), at("2037-12-01T00:00")),
    st.sampled_from(
        ["2026-03-29", "2026-10-25", "2026-11-01", "2026-04-05", "2026-10-04", "2027-03-14", "2026-09-06"]
    ).map(lambda day: at(f"{day}T00:00") - 40_000),
)


def agree(expression: str, zone: str, since: int) -> None:
    until = since + 2 * 86_400
    expected = minute_by_minute(expression, zone, since, until)[:200]
    cron, instant, found = parse(expression, "x"), since, []
    while len(found) < len(expected):
        instant = next_instant(cron, zone, instant)
        found.append(instant)
    assert found == expected
    assert next_instant(cron, zone, instant) >= (until if len(expected) < 200 else instant + 60)


@settings(max_examples=25, deadline=None)
@given(EXPRESSIONS, st.sampled_from(ZONES), MOMENTS)
def test_it_fires_when_one_who_looks_at_every_minute_says(expression: str, zone: str, since: int) -> None:
    agree(expression, zone, since)


@pytest.mark.stress
@pytest.mark.timeout(3600)
@settings(max_examples=15_000, deadline=None)
@given(EXPRESSIONS, st.sampled_from(ZONES), MOMENTS)
def test_fifteen_thousand_expressions(expression: str, zone: str, since: int) -> None:
    agree(expression, zone, since)


def agree_around_changes(expression: str, zone: str, first: int, end: int) -> None:
    """Around each change of the zone's clock in some years."""
    place, moment = ZoneInfo(zone), datetime(first, 1, 1, tzinfo=UTC)
    while moment < datetime(end, 1, 1, tzinfo=UTC):
        later = moment + timedelta(days=1)
        if moment.astimezone(place).utcoffset() != later.astimezone(place).utcoffset():
            agree(expression, zone, int(moment.timestamp()) - 43_200)
        moment = later


@pytest.mark.parametrize("zone", HARD)
@pytest.mark.parametrize("expression", ["30 2 * * *", "*/10 22-23,0-4 * * *"])
def test_the_hard_zones(zone: str, expression: str) -> None:
    agree_around_changes(expression, zone, 2026, 2027)


@pytest.mark.stress
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("zone", HARD)
@pytest.mark.parametrize("expression", ["30 2 * * *", "*/10 * * * *"])
def test_every_change_of_the_clock_in_the_hard_zones(zone: str, expression: str) -> None:
    agree_around_changes(expression, zone, 2025, 2038)


@pytest.mark.parametrize(
    ("cron", "message"),
    [
        ("99 * * * *", "cron '99 * * * *': cannot read '99' as the minute"),
        ("* 24 * * *", "cron '* 24 * * *': cannot read '24' as the hour"),
        ("* * 32 * *", "cron '* * 32 * *': cannot read '32' as the day of the month"),
        ("* * * 13 *", "cron '* * * 13 *': cannot read '13' as the month"),
        ("* * * * mon#6", "cron '* * * * mon#6': cannot read 'mon#6' as the day of the week"),
        ("* * * foo *", "cron '* * * foo *': cannot read 'foo' as the month"),
        ("*/0 * * * *", "cron '*/0 * * * *': cannot read '*/0' as the minute"),
        ("* * * *", "cron '* * * *': expected five fields, got 4"),
        ("0 0 * * * *", "cron '0 0 * * * *': expected five fields, got 6; for seconds write every: 10s"),
        ("0 0 0 * * * 2026", "cron '0 0 0 * * * 2026': expected five fields, got 7; for seconds write every: 10s"),
        ("R * * * *", "cron 'R * * * *': R in the minute differs from host to host; use H"),
        (
            "0 3 15W * *",
            "cron '0 3 15W * *': W in the day of the month, the nearest weekday, is not understood; name the days",
        ),
        ("0 3 LW * *", "cron '0 3 LW * *': W in the day of the month"),
        ("0 3 30 2 mon#6", "cron '0 3 30 2 mon#6': cannot read 'mon#6' as the day of the week"),
        ("0 3 30 2 *", "cron '0 3 30 2 *': no such date ever comes"),
        ("@reboot", "cron '@reboot': @reboot is not understood; a worker has no start that happens once"),
        ("@often", "cron '@often': @often is not understood; known are @hourly, "),
        ("30 2 30 2 *", "cron '30 2 30 2 *': no such date ever comes"),
        ("", "expected cron to be five fields, such as '0 3 * * mon-fri', got ''"),
        (None, "expected cron to be five fields, such as '0 3 * * mon-fri', got None"),
        ("1," * 200 + "1 * * * *", "expected cron to be at most 256 characters, got 409"),
    ],
)
def test_p11_an_expression_that_cannot_be_is_refused_where_it_breaks(cron: object, message: str) -> None:
    with pytest.raises(ScheduleError, match=re.escape(message)):
        parse(cron, "x")


@pytest.mark.parametrize("item", ["R", "r", "R/2", "R(1-3)", "r(1-3)/2", "1,R", "R(2-3),1"])
@pytest.mark.parametrize("number", range(5))
def test_a_value_drawn_by_chance_is_refused_in_every_field(item: str, number: int) -> None:
    fields = ["0", "3", "*", "*", "*"]
    fields[number] = item
    with pytest.raises(ScheduleError, match=r"differs from host to host; use H"):
        parse(" ".join(fields), "x")


def test_names_that_have_an_r_are_not_drawn_by_chance() -> None:
    assert fires("0 0 1 mar,APR fri", "UTC", "2026-03-28T12:00", 3) == ["04-01 00:00", "04-03 00:00", "04-10 00:00"]


def test_one_that_restricts_both_days_says_so() -> None:
    assert parse("0 0 13 * fri", "x").restricts_both_days
    assert parse("0 0 */2 * fri", "x").restricts_both_days
    assert not parse("0 0 13 * *", "x").restricts_both_days


@pytest.mark.parametrize("every_weekday", ["0-6", "1-7", "*/1", "sun-sat", "mon-sun", "0,1,2,3,4,5,6", "?"])
def test_days_of_which_none_is_left_out_restrict_nothing(every_weekday: str) -> None:
    first_of_month = parse(f"0 0 1 * {every_weekday}", "x")
    assert not first_of_month.restricts_both_days
    assert fires(first_of_month.text, "UTC", "2026-01-01T12:00", 2) == ["02-01 00:00", "03-01 00:00"]
    mondays = parse("0 0 1-31 * mon", "x")
    assert not mondays.restricts_both_days
    assert fires(mondays.text, "UTC", "2026-01-01T12:00", 2) == ["01-05 00:00", "01-12 00:00"]
    assert fires("0 0 1-30 * mon", "UTC", "2026-01-01T12:00", 2) == ["01-02 00:00", "01-03 00:00"]
