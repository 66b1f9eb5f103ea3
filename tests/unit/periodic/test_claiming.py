"""What becomes of ticks that are due, late or missed; and the arithmetic of terms."""

from __future__ import annotations

from itertools import islice

import pytest

from shiftboss.periodic.claiming import MOST_TICKS, jid_of, moves_of
from shiftboss.periodic.elector import Tenure
from shiftboss.periodic.entry import WEEK, Entry, tick_id

MINUTE = 60_000
NOON = 1_772_366_400_000  # 2026-03-01T12:00:00Z


def fate(now: int, at: int = NOON, paused: bool = False, **said: object) -> list[tuple[float, str]]:
    """Minutes after noon and outcome of each tick that something is written of."""
    entry = Entry(name="e", job="J", **{"every": MINUTE, **said})  # type: ignore[arg-type]
    moves = moves_of("s", entry, at, paused, now)
    assert [move.start for move in moves[1:]] == [move.end for move in moves[:-1]]
    assert moves[0].start == at
    return [((move.planned - NOON) / MINUTE, move.outcome) for move in moves if move.outcome]


def test_a_tick_on_time_is_enqueued() -> None:
    assert fate(NOON + 5) == [(0, "enqueued")]
    assert fate(NOON + 20_000) == [(0, "enqueued")]


def test_missed_ticks_are_caught_up_as_told() -> None:
    """Three hours of sleep."""
    now = NOON + 180 * MINUTE + 31_000
    assert fate(now, catch_up="none") == [(0, "too old")]
    assert fate(now, catch_up="one") == [(0, "too old"), (180, "caught up")]
    assert fate(now, catch_up="all", catch_up_window=3 * MINUTE) == [
        (0, "too old"), (178, "caught up"), (179, "caught up"), (180, "caught up"),
    ]  # fmt: skip
    assert fate(now + 5 * MINUTE, catch_up="one", catch_up_window=1000, every=60 * MINUTE) == [(0, "too old")]


def test_all_of_an_hour_are_caught_up_where_the_window_is_wide() -> None:
    outcomes = fate(NOON + 60 * MINUTE, catch_up="all", catch_up_window=240 * MINUTE)
    assert [minute for minute, _ in outcomes] == list(range(61))
    assert {outcome for _, outcome in outcomes[:-1]} == {"caught up"}
    assert outcomes[-1] == (60, "enqueued")


@pytest.mark.parametrize("timing", [{"every": 1000}, {"every": 0, "cron": "* * * * *"}])
def test_one_is_one_however_many_were_missed_and_however_wide_the_window(timing: dict[str, object]) -> None:
    """P7: thousands of ticks in the sleep of a day are one job."""
    entry = Entry(name="e", job="J", catch_up="one", catch_up_window=7 * 1440 * MINUTE, **timing)  # type: ignore[arg-type]
    late = NOON + 1440 * MINUTE + (31_000 if not entry.every else 0)
    moves = moves_of("s", entry, NOON, False, late)
    assert next(move.outcome for move in moves) == "too old"
    assert [move.fires for move in moves] == [False, True]
    assert moves[-1].end > late >= moves[-1].start


@pytest.mark.parametrize(("policy", "missed"), [("none", 181), ("one", 180)])
@pytest.mark.parametrize("timing", [{"every": MINUTE}, {"cron": "* * * * *"}, {"cron": "*/1 * * * *"}])
def test_p7_the_missed_ticks_are_counted(policy: str, missed: int, timing: dict[str, object]) -> None:
    entry = Entry(name="e", job="J", catch_up=policy, **timing)  # type: ignore[arg-type]
    moves = moves_of("s", entry, NOON, False, NOON + 180 * MINUTE + 31_000)
    assert moves[0].missed == missed
    assert sum(move.fires for move in moves) == 181 - missed


@pytest.mark.parametrize("cron", ["H/5 * * * *", "* 3 * * *", "* * 1 1 *", "0 3 * * mon"])
@pytest.mark.parametrize("policy", ["none", "one", "all"])
def test_what_a_long_gap_costs_does_not_grow_with_it(cron: str, policy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A leader that needs longer than its lease for what was missed begins anew for ever."""
    entry = Entry(name="e", job="J", cron=cron, catch_up=policy, catch_up_window=WEEK)  # type: ignore[arg-type]
    first, looked, after = entry.after(NOON), 0, Entry.after

    def counting(entry: Entry, instant: int) -> int:
        nonlocal looked
        looked += 1
        return after(entry, instant)

    monkeypatch.setattr(Entry, "after", counting)
    moves_of("s", entry, first, False, NOON + 52 * WEEK + 31_000)
    assert looked < MOST_TICKS + 60


@pytest.mark.parametrize("cron", ["* 3 * * *", "0 3 1 * *", "*/7 1-4 * * mon", "0 0 29 2 *"])
def test_the_newest_tick_is_found_going_back(cron: str) -> None:
    entry = Entry(name="e", job="J", cron=cron)
    first = entry.after(NOON)
    for now in (first, first + 1, first + 3 * MINUTE, first + 40 * 1440 * MINUTE, first + 900 * 1440 * MINUTE):
        newest = entry.newest(first, now)
        assert first <= newest <= now < entry.after(newest)


def test_all_leaves_none_out_in_a_short_gap_even_of_a_short_interval() -> None:
    outcomes = fate(NOON + 20_000, catch_up="all", every=1000)
    assert len(outcomes) == 21
    assert {outcome for _, outcome in outcomes} == {"enqueued"}


def test_very_many_are_caught_up_in_several_claims_and_none_is_left_out() -> None:
    now, at, seen = NOON + 2000 * MINUTE, NOON, []
    entry = Entry(name="e", job="J", every=MINUTE, catch_up="all", catch_up_window=3000 * MINUTE)
    while at <= now:
        moves = moves_of("s", entry, at, False, now)
        assert len(moves) <= MOST_TICKS + 1
        seen += [move.planned for move in moves if move.fires]
        at = moves[-1].end
    assert seen == list(range(NOON, now + 1, MINUTE))


def test_none_enqueues_the_newest_if_that_is_on_time() -> None:
    assert fate(NOON + 10 * MINUTE, catch_up="none") == [(0, "too old"), (10, "enqueued")]


def test_one_that_rests_moves_on_and_nobody_is_told() -> None:
    entry = Entry(name="e", job="J", every=MINUTE)
    moves = moves_of("s", entry, NOON, True, NOON + 5 * MINUTE)
    assert {move.outcome for move in moves} == {""}
    assert moves[-1].end == NOON + 6 * MINUTE


def test_jitter_puts_each_tick_off_by_the_same_on_every_host() -> None:
    entries = [Entry(name=f"e{n}", job="J", every=MINUTE, jitter=30_000) for n in range(50)]
    delays = [entry.delay("s") for entry in entries]
    assert all(0 <= delay < 30_000 for delay in delays)
    assert len(set(delays)) > 40
    assert [Entry(name=f"e{n}", job="J", every=MINUTE, jitter=30_000).delay("s") for n in range(50)] == delays
    (move,) = moves_of("s", entries[0], NOON + delays[0], False, NOON + delays[0] + 5)
    assert (move.planned, move.end) == (NOON, NOON + MINUTE + delays[0])


def test_a_job_id_follows_from_schedule_entry_and_instant() -> None:
    (move,) = moves_of("s", Entry(name="e", job="J", every=MINUTE), NOON, False, NOON)
    assert jid_of("s", move) == tick_id("s", "e", NOON) != tick_id("s", "e", NOON + MINUTE)
    assert len(jid_of("s", move)) == 24


def test_every_counts_from_1970_and_is_strictly_increasing() -> None:
    entry = Entry(name="e", job="J", every=90_000)
    assert list(islice(entry.following(100_000), 3)) == [180_000, 270_000, 360_000]
    assert entry.after(180_000) == 270_000


@pytest.mark.parametrize(("lease", "asked", "now", "trusted"), [(15, 100, 113.4, True), (15, 100, 113.5, False), (1, 0, 0.89, True), (1, 0, 0.9, False)])  # fmt: skip
def test_a_leader_trusts_its_lease_from_when_it_asked_and_not_to_the_end(
    lease: float, asked: float, now: float, trusted: bool
) -> None:
    assert Tenure(7, asked, lease).is_trusted(now) is trusted
    assert Tenure(7, asked, lease).mine("host-1-ab") == f"host-1-ab|7|{lease * 1000:.0f}"
