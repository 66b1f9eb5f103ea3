"""`shiftboss batches tree|failures|wait|invalidate|rm|doctor`, with a fake server in this process."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from click.testing import Result

from shiftboss import Shiftboss
from shiftboss.batches import Batch, calls
from shiftboss.jobs import Message, failure_of
from shiftboss.keys import SidekiqKeys
from shiftboss.scripts import command
from tests.unit.cli.test_batches import batch_of

Run = Callable[..., Result]


@pytest.fixture
def client(url: str) -> Shiftboss:
    return Shiftboss(url)


def fail(client: Shiftboss, batch: Batch, error: Exception, code: str = "f") -> None:
    message = Message("job", (), "low", "ab12cd34ab12cd34ab12cd34")
    kept = failure_of(message, error, 0)
    client.store.run(calls.ack(batch.keys, batch.bid, "low", 10_000, [0, code, kept]))


def test_tree_shows_a_batch_and_all_below_it(shiftboss: Run, url: str, client: Shiftboss) -> None:
    top = Batch(client=client, description="Year")
    with top.jobs():
        months = [Batch(description=f"Month {number}") for number in (1, 2)]
        for month in months:
            with month.jobs():
                day = Batch(description="Day\x1b[2J")
                with day.jobs():
                    client.perform(client.push([Message("job", (), "low", "a" * 24)]))
    shown = shiftboss("batches", "tree", top.bid, "--redis", url)
    assert shown.exit_code == 0
    lines = shown.stdout.splitlines()
    assert [line.split("  ")[-1].strip() for line in lines] == [
        "Year", "Month 1", r"Day\x1b[2J", "Month 2", r"Day\x1b[2J",
    ]  # fmt: skip
    assert lines[1].startswith(("├── ", "|-- "))
    found = [
        json.loads(line) for line in shiftboss("batches", "tree", top.bid, "--json", "--redis", url).stdout.splitlines()
    ]
    assert [status["description"] for status in found][:2] == ["Year", "Month 1"]


def test_failures_lists_the_newest_first(shiftboss: Run, url: str, client: Shiftboss) -> None:
    batch = batch_of(client, 1)
    none = shiftboss("batches", "failures", batch.bid, "--redis", url)
    assert (none.exit_code, none.stdout) == (0, "")
    assert f"no run of batch {batch.bid} has failed" in none.stderr
    fail(client, batch, ValueError("first\nline"))
    fail(client, batch, KeyError("second"))
    shown = shiftboss("batches", "failures", batch.bid, "--redis", url)
    heading, newest, oldest = shown.stdout.splitlines()
    assert heading.split() == ["WHEN", "JOB", "ATTEMPT", "ERROR", "MESSAGE"]
    assert newest.endswith("KeyError    'second'")
    assert oldest.endswith("ValueError  first line")
    kept = json.loads(shiftboss("batches", "failures", batch.bid, "--json", "--redis", url).stdout.splitlines()[1])
    assert (kept["error"], kept["message"]) == ("ValueError", "first\nline")


def test_show_tells_of_failures_and_of_an_invalidation(shiftboss: Run, url: str, client: Shiftboss) -> None:
    batch = batch_of(client, 1)
    fail(client, batch, ValueError("no such file"))
    batch.invalidate()
    shown = shiftboss("batches", "show", batch.bid, "--redis", url).stdout
    assert "ValueError: no such file" in shown
    assert "jobs that have not started are left out" in shown


@pytest.mark.parametrize(
    ("code", "expected", "why"), [("s", 0, ""), ("d", 3, "finished without success"), ("", 4, "no success in time")]
)
def test_wait_says_by_its_exit_code_what_became_of_it(
    shiftboss: Run, url: str, client: Shiftboss, code: str, expected: int, why: str
) -> None:
    batch = batch_of(client, 1)
    if code:
        client.store.run(calls.ack(batch.keys, batch.bid, "low", 10_000, [0, code, ""]))
    waited = shiftboss("batches", "wait", batch.bid, "--timeout", "0.05", "--redis", url)
    assert waited.exit_code == expected
    assert why in waited.stderr
    waited = shiftboss("batches", "wait", batch.bid, "--timeout", "0.05", "--json", "--redis", url)
    assert (waited.exit_code, json.loads(waited.stdout)["bid"]) == (expected, batch.bid)


def test_invalidate_asks_first(shiftboss: Run, url: str, client: Shiftboss) -> None:
    batch = batch_of(client, 2)
    refused = shiftboss("batches", "invalidate", batch.bid, "--redis", url, answer="n\n")
    assert refused.exit_code == 1
    assert f"leave out what has not started of 2 pending jobs of batch {batch.bid}?" in refused.stderr
    assert batch.valid()
    done = shiftboss("batches", "invalidate", batch.bid, "--yes", "--redis", url)
    assert (done.exit_code, done.stdout) == (0, f"batch {batch.bid} is invalidated\n")
    assert not batch.valid()
    again = shiftboss("batches", "invalidate", batch.bid, "--yes", "--redis", url)
    assert again.stdout == f"batch {batch.bid} is invalidated already\n"
    told = shiftboss("batches", "invalidate", batch.bid, "--yes", "--json", "--redis", url)
    assert json.loads(told.stdout) == {"bid": batch.bid, "changed": False}
    told = shiftboss("batches", "rm", batch.bid, "--yes", "--json", "--redis", url)
    assert json.loads(told.stdout) == {"batches": 1}


def test_rm_asks_first_and_forgets_all_or_none(shiftboss: Run, url: str, client: Shiftboss) -> None:
    first, second = batch_of(client, 1), batch_of(client, 0)
    unknown = shiftboss("batches", "rm", first.bid, "3f" + "A" * 14, "--yes", "--redis", url)
    assert unknown.exit_code == 1
    assert first.status()
    refused = shiftboss("batches", "rm", first.bid, "--redis", url, answer="n\n")
    assert "forget 1 batch, which is unfinished?" in refused.stderr
    assert refused.stderr.endswith("shiftboss: nothing was done\n")
    asked = shiftboss("batches", "rm", first.bid, second.bid, first.bid, "--redis", url, answer="y\n")
    assert "forget 2 batches, 1 of them unfinished?" in asked.stderr
    assert asked.stdout.endswith("2 batches are forgotten\n")


def test_doctor_finds_and_does_what_it_is_told(shiftboss: Run, url: str, client: Shiftboss) -> None:
    healthy = shiftboss("batches", "doctor", "--redis", url)
    assert (healthy.exit_code, healthy.stderr) == (0, "nothing is wrong\n")
    batch = batch_of(client, 3)
    client.store.run(command("RPOP", [SidekiqKeys("sb").queue("low")], [2], list))
    found = shiftboss("batches", "doctor", "--redis", url)
    assert found.exit_code == 1
    assert found.stdout.splitlines()[1].split("  ")[:3] == [batch.bid, "lost", "2 jobs are in no queue, set or process"]
    kept = json.loads(shiftboss("batches", "doctor", "--json", "--redis", url).stdout)
    assert (kept["bid"], kept["kind"], kept["positions"]) == (batch.bid, "lost", [0, 1])
    refused = shiftboss("batches", "doctor", "--bury-lost", "--redis", url, answer="n\n")
    assert "bury 2 lost jobs?" in refused.stderr
    assert batch.status().dead == 0
    mended = shiftboss("batches", "doctor", batch.bid, "--bury-lost", "--yes", "--redis", url)
    assert mended.exit_code == 0
    assert batch.status().dead == 2
    both = shiftboss("batches", "doctor", "--bury-lost", "--give-up-lost", "--redis", url)
    assert both.exit_code == 2


def test_doctor_closes_broken_batches(shiftboss: Run, url: str, client: Shiftboss) -> None:
    batch = Batch(client=client)
    with pytest.raises(KeyError), batch.jobs(autoflush=1):
        client.perform(client.push([Message("job", (), "low", "a" * 24)]))
        raise KeyError
    assert "broken" in shiftboss("batches", "doctor", "--redis", url).stdout
    assert shiftboss("batches", "doctor", "--close-broken", "--yes", "--redis", url).exit_code == 0
    assert not batch.status().broken


@pytest.mark.parametrize("name", ["tree", "failures", "wait", "invalidate", "doctor", "show"])
@pytest.mark.parametrize("bid", ["nonsense", "../../etc/passwd", "3f\x1b[2J", "3f" + "A" * 14, "{b3f}:index", ""])
def test_a_batch_that_is_none_is_told_in_one_line(shiftboss: Run, url: str, name: str, bid: str) -> None:
    answer = shiftboss("batches", name, bid, "--redis", url)
    if name == "doctor" and not bid:
        return
    assert answer.exit_code == 1
    assert answer.stdout == ""
    assert len(answer.stderr.splitlines()) == 1
    assert "no batch" in answer.stderr
    assert "\x1b" not in answer.stderr


def test_a_batch_of_another_namespace_is_none(shiftboss: Run, url: str, client: Shiftboss) -> None:
    batch = batch_of(client, 1)
    answer = shiftboss("batches", "show", batch.bid, "--namespace", "other", "--redis", url)
    assert (answer.exit_code, "no batch" in answer.stderr) == (1, True)
