"""What `--json` prints is what the documents say it does."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from shiftboss import DeadSet, Failures, RetrySet, ScheduledSet, Shiftboss, job, limiters, periodic
from shiftboss.batches import Batch
from shiftboss.cli.root import cli
from shiftboss.engines.sidekiq.worker import Worker
from shiftboss.periodic import Schedule, Scheduler
from shiftboss.periodic.entry import Entry
from tests.docs.pages import rows, section
from tests.servers import ServerProcess, embedded_binary
from tests.waiting import wait_until


@job(name="json.ok")
def succeed() -> None: ...


@job(name="json.again", retry=5)
def fail() -> None:
    raise ValueError("as told")


@job(name="json.dead", retry=0)
def die() -> None:
    raise ValueError("as told")


@job(name="json.slow")
def be_slow() -> None:
    while not over:
        time.sleep(0.01)


over: list[bool] = []


def documented() -> dict[str, set[str]]:
    """The fields of each command that changes nothing, from the table; each of the others has a test of its own."""
    found: dict[str, set[str]] = {}
    reading, _, _ = section("reference/command-line.md", "## JSON").partition("Commands that change something")
    for commands, fields in rows(reading):
        names = set(re.findall(r"`(\w+)`", fields))
        for command in re.findall(r"`([^`]+)`", commands):
            found[command] = names | (found["limiters ls"] if fields.startswith("the same") else set())
    found["doctor"] = {"checks"}
    ((_, of_its_kind), *_) = rows(section("reference/command-line.md", "## JSON of limiters"))
    for command in ("limiters ls", "limiters watch", "limiters show"):
        found[command] |= set(re.findall(r"`(\w+)`", of_its_kind))
    return found


@pytest.fixture(scope="module")
def filled() -> Iterator[tuple[Shiftboss, Batch]]:
    """A server on which there is something of everything, and a worker at work."""
    over.clear()
    with ServerProcess(embedded_binary()) as server, Shiftboss(server.url) as client:
        batch = Batch(description="One of each", tags=["json"])
        with Worker(client, ["default"], concurrency=5, timeout=1) as worker:
            with batch.jobs():
                for one in (succeed, fail, die, be_slow):
                    one.perform_async()
            lost = Batch()
            with lost.jobs():
                succeed.set(queue="other").perform_async()
            succeed.set(queue="waiting").perform_async()
            succeed.perform_in(1000)
            limiters.concurrent("erp", 5, lock_timeout=600).acquire()
            scheduler = Scheduler(client, Schedule("default", (Entry("tick", "json.ok", every=1000),)))
            scheduler.start()
            wait_until(lambda: periodic.history("tick") and len(RetrySet()) and len(DeadSet()) and len(Failures()), 20)
            server.command("DEL", "queue:other")
            worker.heartbeat.round()
            yield client, batch
            scheduler.stop(5)
            over.append(True)


@pytest.mark.parametrize("command", [command for command in documented() if not command.endswith("watch")])
def test_json_has_the_fields_that_are_documented(command: str, filled: tuple[Shiftboss, Batch], tmp_path: Path) -> None:
    client, batch = filled
    (tmp_path / "schedule.yml").write_text("jobs:\n  tick: {every: 1h, job: Tick}\n")
    failure = next(iter(Failures(client=client)))
    words = {
        "batches show": [batch.bid],
        "batches tree": [batch.bid],
        "batches failures": [batch.bid],
        "batches wait": [batch.bid, "--event", "death"],
        "queues show": ["waiting"],
        "retries show": [next(iter(RetrySet(client=client))).jid],
        "scheduled show": [next(iter(ScheduledSet(client=client))).jid],
        "dead show": [next(iter(DeadSet(client=client))).jid],
        "failures show": [failure.jid],
        "limiters show": ["erp"],
        "periodic next": ["tick"],
        "periodic history": ["tick"],
        "periodic check": [str(tmp_path / "schedule.yml")],
    }
    place = [] if command == "periodic check" else ["--redis", client.settings.url]
    ran = CliRunner().invoke(cli, [*command.split(), *words.get(command, []), "--json", *map(str, place)])
    assert ran.stdout, ran.output
    assert set(json.loads(ran.stdout.splitlines()[0])) == documented()[command]


def test_the_shell_completes_commands_and_options(monkeypatch: pytest.MonkeyPatch) -> None:
    def complete(*words: str) -> set[str]:
        env = {
            "_SHIFTBOSS_COMPLETE": "bash_complete",
            "COMP_WORDS": " ".join(["shiftboss", *words]),
            "COMP_CWORD": str(len(words)),
        }
        ran = CliRunner().invoke(cli, [], prog_name="shiftboss", env=env)
        return {line.partition(",")[2] for line in ran.output.splitlines()}

    assert complete("ba") == {"batches"}
    assert {"show", "stats"} & complete("batches", "sh") == {"show"}
    assert "--json" in complete("batches", "ls", "--")
