"""`shiftboss limiters`, with a fake server in this process."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest
from click.testing import Result

from shiftboss import Shiftboss, limiters
from shiftboss.cli.limiters.show import _counted
from shiftboss.limiters import Totals

Run = Callable[..., Result]


@pytest.fixture
def client(url: str) -> Shiftboss:
    return Shiftboss(url)


@pytest.fixture
def some(client: Shiftboss) -> Shiftboss:
    """One of each kind, in use, from which nothing comes back while a test runs."""
    with client:
        limiters.bucket("github", 5000, "hour").acquire(3)
        limiters.window("sms-7", 5, "minute").acquire()
        limiters.leaky("shopify", 40, "hour", drain=2).acquire()
        limiters.points("graphql", 1000, refill_per_second=0.001).acquire(120)
        limiters.concurrent("erp", 2, lock_timeout=60).acquire()
    return client


def test_ls_lists_them_by_name(shiftboss: Run, url: str, some: Shiftboss) -> None:
    heading, *rows = shiftboss("limiters", "ls", "--redis", url).stdout.splitlines()
    assert heading.split() == ["LIMITER", "KIND", "USED", "SIZE", "FREE", "IN", "LIMIT"]
    assert [row.split()[:4] for row in rows] == [
        ["erp", "concurrent", "1", "2"],
        ["github", "bucket", "3", "5,000"],
        ["graphql", "points", "120", "1,000"],
        ["shopify", "leaky", "1", "40"],
        ["sms-7", "window", "1", "5"],
    ]
    assert rows[0].endswith("2 at once, for 60 s each")
    assert rows[1].endswith("5,000 an hour")
    assert rows[3].endswith("40, one back in 1800 s")
    found = [
        json.loads(line)
        for line in shiftboss("limiters", "ls", "--text", "h", "--json", "--redis", url).stdout.splitlines()
    ]
    assert [(one["name"], one["kind"], one["used"]) for one in found] == [
        ("github", "bucket", 3), ("graphql", "points", 120), ("shopify", "leaky", 1),
    ]  # fmt: skip


def test_ls_says_where_there_are_none(shiftboss: Run, url: str) -> None:
    empty = shiftboss("limiters", "ls", "--redis", url)
    assert (empty.exit_code, empty.stdout) == (0, "")
    assert empty.stderr == f"no limiters at {url}, namespace sb\n"


def test_show_tells_what_is_taken_and_who_holds_it(shiftboss: Run, url: str, some: Shiftboss) -> None:
    shown = shiftboss("limiters", "show", "erp", "--redis", url).stdout
    assert "used     1, 1 free" in shown
    assert f"holder   {some.store.identity}, for " in shown
    one = json.loads(shiftboss("limiters", "show", "erp", "--json", "--redis", url).stdout)
    assert (one["slots"], one["lock_timeout"], one["remaining"]) == (2, 60.0, 1)
    assert one["holders"][0]["process"] == some.store.identity
    some.perform(limiters.concurrent("erp", 2).counted(some))
    assert "admitted 1, 1 of them without waiting" in shiftboss("limiters", "show", "erp", "--redis", url).stdout
    one = json.loads(shiftboss("limiters", "show", "erp", "--json", "--redis", url).stdout)
    assert (one["counters"]["admitted"], one["counters"]["over_limit"], one["counters"]["reclaimed"]) == (1, 0, 0)
    assert [minute["admitted"] for minute in one["history"]] == [1]


def test_watch_prints_each_change(shiftboss: Run, url: str, some: Shiftboss) -> None:
    seen = shiftboss("limiters", "watch", "sms", "--times", "1", "--redis", url)
    assert seen.stdout == "sms-7  1/5\n"
    seen = shiftboss("limiters", "watch", "--times", "2", "--json", "--redis", url)
    assert {json.loads(line)["name"] for line in seen.stdout.splitlines()} >= {"erp", "sms-7"}


def test_show_tells_in_words_what_was_counted_and_who_waits(shiftboss: Run, url: str, client: Shiftboss) -> None:
    with client:
        erp = limiters.concurrent("erp", 2, wait_timeout=0)
        with erp.within_limit():
            time.sleep(0.02)
        limiters.window("sms", 5, "minute", wait_timeout=3).acquire()
        client.perform(erp.counted(client))
    shown = shiftboss("limiters", "show", "erp", "--redis", url).stdout.splitlines()
    assert "wait     does not wait" in shown
    assert any(line.startswith("held ") and line.endswith(" s in total") for line in shown)
    assert "wait     at most 3 s" in shiftboss("limiters", "show", "sms", "--redis", url).stdout.splitlines()


def test_long_holds_are_told_in_minutes_not_in_powers_of_ten() -> None:
    assert ("held", "68 min in total") in _counted(Totals(held_seconds=4_080.0))
    assert ("held", "1.25 s in total") in _counted(Totals(held_seconds=1.25))


def test_reset_asks_first(shiftboss: Run, url: str, some: Shiftboss) -> None:
    refused = shiftboss("limiters", "reset", "github", "--redis", url, answer="n\n")
    assert refused.exit_code == 1
    assert "forget that 3 of 5,000 are taken of limiter 'github'?" in refused.stderr
    done = shiftboss("limiters", "reset", "github", "--yes", "--redis", url)
    assert (done.exit_code, done.stdout) == (0, "limiter 'github' is reset\n")
    with some:
        assert limiters.bucket("github", 5000, "hour").peek().used == 0
    told = shiftboss("limiters", "reset", "github", "--yes", "--json", "--redis", url)
    assert json.loads(told.stdout) == {"name": "github", "used": 0}


def test_rm_forgets_limiters_and_their_kind(shiftboss: Run, url: str, some: Shiftboss) -> None:
    done = shiftboss("limiters", "rm", "github", "sms-7", "--yes", "--redis", url)
    assert (done.exit_code, done.stdout) == (0, "2 limiters are forgotten\n")
    assert "github" not in shiftboss("limiters", "ls", "--redis", url).stdout
    told = shiftboss("limiters", "rm", "erp", "--yes", "--json", "--redis", url)
    assert json.loads(told.stdout) == {"limiters": 1}
    with Shiftboss(url):
        assert limiters.window("github", 5, 60).try_acquire() is not None


@pytest.mark.parametrize("name", ["show", "reset", "rm"])
@pytest.mark.parametrize("limiter", ["nobody", "../x", "{leaky:x}", "a\x1b[2J"])
def test_one_that_is_not_there_is_told_in_one_line(
    shiftboss: Run, url: str, some: Shiftboss, name: str, limiter: str
) -> None:
    answer = shiftboss("limiters", name, limiter, *(["--yes"] if name != "show" else []), "--redis", url)
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert len(answer.stderr.splitlines()) == 1
    assert "no limiter" in answer.stderr
    assert "\x1b" not in answer.stderr
