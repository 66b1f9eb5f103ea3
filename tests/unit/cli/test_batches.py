"""`shiftboss batches`, with a fake server in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import Result

from shiftboss import Shiftboss
from shiftboss.batches import Batch, enqueue_after
from shiftboss.cli.batches.watch import _print_changes
from shiftboss.jobs import Message
from tests.waiting import wait_until

Run = Callable[..., Result]


def batch_of(client: Shiftboss, jobs: int, **options: object) -> Batch:
    """A batch whose jobs wait in a queue; one without jobs has succeeded."""
    batch = Batch(client=client, **options)  # type: ignore[arg-type]
    with batch.jobs():
        client.perform(client.push([Message("job", (), "low", f"{n:024x}") for n in range(jobs)]))
    return batch


@pytest.fixture
def client(url: str) -> Shiftboss:
    return Shiftboss(url)


def test_ls_lists_the_newest_first_in_plain_columns(shiftboss: Run, url: str, client: Shiftboss) -> None:
    older = batch_of(client, 3, description="Invoices", tags=["billing", "daily"])
    newer = batch_of(client, 0, description="Nothing\x1b[2Jto do")
    done = shiftboss("batches", "ls", "--redis", url)
    assert done.exit_code == 0
    heading, first, second = done.stdout.splitlines()
    assert heading.split() == ["BATCH", "STATE", "DONE", "AGE", "DESCRIPTION"]
    assert first.split()[:3] == [newer.bid, "succeeded", "0/0"]
    assert second.split()[:3] == [older.bid, "running", "0/3"]
    assert second.endswith("Invoices #billing #daily")
    assert first.endswith(r"Nothing\x1b[2Jto do")
    assert "\x1b" not in done.stdout


def test_ls_chooses(shiftboss: Run, url: str, client: Shiftboss) -> None:
    invoices = batch_of(client, 1, description="Invoices", tags=["billing"])
    wait_until(lambda: datetime.now(UTC) - invoices.status().created_at > timedelta(milliseconds=2))
    empty = batch_of(client, 0, description="Empty")

    def listed(*words: str) -> list[str]:
        lines = shiftboss("batches", "ls", "--redis", url, "--json", *words).stdout.splitlines()
        return [json.loads(line)["bid"] for line in lines]

    assert listed() == [empty.bid, invoices.bid]
    assert listed("--tag", "billing") == [invoices.bid]
    assert listed("--text", "emp") == [empty.bid]
    assert listed("--state", "succeeded") == [empty.bid]
    assert listed("-n", "1") == [empty.bid]
    assert listed("-n", "0") == [empty.bid, invoices.bid]
    assert listed("--namespace", "other") == []


def test_ls_says_when_there_is_more_and_when_there_is_nothing(shiftboss: Run, url: str, client: Shiftboss) -> None:
    nothing = shiftboss("batches", "ls", "--redis", url)
    assert (nothing.exit_code, nothing.stdout, nothing.stderr) == (0, "", f"no batches at {url}, namespace sb\n")
    for _ in range(3):
        batch_of(client, 0)
    assert shiftboss("batches", "ls", "--redis", url, "-n", "2").stderr == "the newest 2 batches; more with -n\n"
    assert shiftboss("batches", "ls", "--redis", url, "-n", "3").stderr == ""
    for tag in ("x", ""):
        assert "no such batches" in shiftboss("batches", "ls", "--redis", url, "--tag", tag).stderr


def test_show_tells_one_batch(shiftboss: Run, url: str, client: Shiftboss) -> None:
    batch = Batch(description="Invoices", tags=["billing"], client=client)
    batch.on("success", "app.callbacks:Invoices", check=False)
    with batch.jobs():
        client.perform(client.push([Message("job", (), "low", "a")]))
    done = shiftboss("batches", "show", batch.bid, "--redis", url)
    facts = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    assert (facts["batch"], facts["state"], facts["about"]) == (batch.bid, "running", "Invoices")
    assert facts["jobs"] == "0 of 1 job done (0%)"
    assert facts["callback"] == "success: app.callbacks:Invoices (waiting)"
    assert "broken" not in facts
    whole = json.loads(shiftboss("batches", "show", batch.bid, "--redis", url, "--json").stdout)
    assert (whole["bid"], whole["pending"]) == (batch.bid, 1)


def test_show_tells_what_a_batch_waits_for(shiftboss: Run, url: str, client: Shiftboss) -> None:
    others = [batch_of(client, 1) for _ in range(2)]
    with client:
        waiting = enqueue_after(others, Message("report", (), "low", "a"))
    facts = shiftboss("batches", "show", waiting.bid, "--redis", url).stdout.splitlines()
    assert f"awaits    {others[0].bid}, {others[1].bid}" in facts
    assert "callback  success: job:report (waiting)" in facts


@pytest.mark.parametrize("command", ["show", "watch"])
@pytest.mark.parametrize("bid", ["x", "00abcdefghijklmn", "00/../../etc/pwd", "é" * 16, "--", "a\nb"])
def test_a_batch_that_is_not_there(shiftboss: Run, url: str, command: str, bid: str) -> None:
    done = shiftboss("batches", command, "--redis", url, "--", bid)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("shiftboss: no batch ")
    assert done.stderr.count("\n") == 1


def test_watch_ends_with_the_batch(shiftboss: Run, url: str, client: Shiftboss) -> None:
    batch = batch_of(client, 0, description="Empty")
    done = shiftboss("batches", "watch", batch.bid, "--redis", url)
    assert (done.exit_code, done.stdout) == (0, f"{batch.bid}  succeeded  0/0  Empty\n")


def test_watch_without_an_open_batch(shiftboss: Run, url: str, client: Shiftboss) -> None:
    batch_of(client, 0)
    done = shiftboss("batches", "watch", "--redis", url)
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "no batch is open\n")


@pytest.mark.parametrize("as_json", [False, True])
def test_watch_prints_no_line_twice(client: Shiftboss, capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    status = batch_of(client, 2, description="Invoices").status()
    # The pace of a batch falls while nothing happens to it.
    looks = [[replace(status, rate=rate)] for rate in (3.0, 2.0, 1.0)]
    assert _print_changes([*looks, [replace(status, done=1, rate=1.0)]], as_json=as_json) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(set(lines)) == 2
