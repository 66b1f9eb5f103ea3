"""Leaders that are killed, paused, stopped, robbed of their lease and cut off, and a Redis that is killed, one tick a second:
no tick is lost, none comes twice.

`SHIFTBOSS_LEADERS` says how many changes the long form makes; its default is 1,000.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from shiftboss.periodic.entry import tick_id
from tests.proxy import FaultProxy
from tests.servers import ServerProcess, embedded_binary, path_server
from tests.waiting import wait_until

SCHEDULE = "jobs:\n  tick: {every: 1s, job: Tick, catch_up: all, catch_up_window: 1h}\n"
LEADER, OUT = "sb:{periodic:default}:leader", "sb:{periodic:default}:out"
# Read here: no test sees a variable of ours.
CHANGES = int(os.environ.get("SHIFTBOSS_LEADERS", "1000"))
WAYS = ("kill", "pause", "stop", "rob", "cut", "restart")


@pytest.fixture
def server() -> Iterator[ServerProcess]:
    saving = ("--appendonly", "yes", "--appendfsync", "always")
    with ServerProcess(path_server() or embedded_binary(), *saving).start() as server:
        yield server


class Member:
    """One process that fires the schedule, and its way to Redis."""

    def __init__(self, command: list[str], server: ServerProcess, folder: Path) -> None:
        self.proxy = FaultProxy(server.address).__enter__()
        with (folder / "log").open("ab") as log:
            line = [sys.executable, *command, "--redis", self.proxy.url]
            self.process = subprocess.Popen(line, cwd=folder, stdout=log, stderr=log)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        self.proxy.__exit__(None, None, None)


class Fleet:
    """Three processes that fire one schedule."""

    def __init__(self, server: ServerProcess, folder: Path, lease: float) -> None:
        self.raw = server.client()
        self._server = server
        self._folder = folder
        (folder / "schedule.yml").write_text(SCHEDULE)
        self._command = ["-m", "shiftboss.cli", "periodic", "run", "schedule.yml", "--lease", str(lease)]
        self._members: list[Member] = []
        for _ in range(3):
            self.start()

    def start(self) -> None:
        self._members.append(Member(self._command, self._server, self._folder))

    def leader(self) -> Member | None:
        """The one that leads, by the server's word."""
        pid = str(self.raw.get(LEADER) or "--").split("-")[-2]
        return next((member for member in self._members if str(member.process.pid) == pid), None)

    def change(self, how: str) -> None:
        """Take the lead away from whoever has it."""
        leader = wait_until(self.leader, 60, "a leader")
        assert leader is not None
        if how == "rob":
            self.raw.delete(LEADER)
        elif how == "restart":
            self._server.kill()
            self._server.start()
        elif how == "pause":
            leader.process.send_signal(signal.SIGSTOP)
            self._wait_for_another()
            leader.process.send_signal(signal.SIGCONT)
        elif how == "cut":
            leader.proxy.blackhole()
            self._wait_for_another()
            leader.proxy.heal()
        else:
            leader.process.send_signal(signal.SIGKILL if how == "kill" else signal.SIGTERM)
            leader.process.wait(20)
            leader.end()
            self._members.remove(leader)
            self.start()

    def _wait_for_another(self) -> None:
        before = self.raw.get(LEADER)
        wait_until(lambda: self.raw.get(LEADER) not in {before, None}, 60, "another leader")

    def replace_oldest(self) -> None:
        """As a rolling deploy does: one more begins, and once it is there the oldest ends."""
        oldest = self._members.pop(0)
        self.start()
        pid = str(self._members[-1].process.pid)
        wait_until(lambda: pid in (self._folder / "log").read_text(), 60, "a new process")
        oldest.process.send_signal(signal.SIGTERM)
        oldest.process.wait(20)
        oldest.end()

    def jobs(self) -> list[str]:
        """The names of what was enqueued, oldest first."""
        return [msgspec.json.decode(text)["class"] for text in self.raw.lrange("queue:default", 0, -1)[::-1]]  # type: ignore[index]

    def ticks(self) -> list[str]:
        """The ids of what was enqueued, oldest first."""
        return [msgspec.json.decode(text)["jid"] for text in self.raw.lrange("queue:default", 0, -1)[::-1]]  # type: ignore[index]

    def end(self) -> None:
        for member in self._members:
            member.end()
        self.raw.close()


def change_leaders(server: ServerProcess, folder: Path, changes: int, lease: float = 1.0) -> None:
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    fleet = Fleet(server, folder, lease)
    try:
        wait_until(lambda: fleet.ticks(), 60, "the first tick")  # noqa: PLW0108  the list grows
        for number in range(changes):
            before = len(fleet.ticks())
            fleet.change(WAYS[number % len(WAYS)] if changes <= len(WAYS) else chance.choice(WAYS))
            wait_until(lambda n=before: len(fleet.ticks()) > n, 60 + 2 * lease, f"a tick after change {number}")  # type: ignore[misc]
        # What a leader claimed in the moment of its death is delivered when its time for that is over.
        wait_until(lambda: not fleet.raw.zcard(OUT), 60, "the last ticks that were claimed")
        found = fleet.ticks()
    finally:
        fleet.end()
    log = (folder / "log").read_text()[-4000:]
    assert_each_once(found, f"seed {seed}, {changes} changes\n{log}")
    print(f"{changes} changes of the leader, {len(found)} ticks, none missing, none twice")


def assert_each_once(jids: Sequence[str], about: str = "") -> None:
    """The ids are those of ticks that follow one another."""
    now = int(time.time())
    numbers = {tick_id("default", "tick", second * 1000): second for second in range(now - 6 * 3600, now + 5)}
    counted = Counter(numbers[jid] for jid in jids)
    missing = sorted(set(range(min(counted), max(counted) + 1)) - set(counted))
    twice = sorted(second for second, times in counted.items() if times > 1)
    assert (missing, twice) == ([], []), f"missing {missing}, twice {twice}; {about}"


@pytest.mark.timeout(180)
def test_p1_a_few_changes_of_the_leader_lose_no_tick_and_double_none(server: ServerProcess, tmp_path: Path) -> None:
    change_leaders(server, tmp_path, len(WAYS))


@pytest.mark.timeout(120)
def test_p12_a_rolling_deploy_fires_old_jobs_and_then_new_ones_and_each_tick_once(
    server: ServerProcess, tmp_path: Path
) -> None:
    fleet = Fleet(server, tmp_path, 1.0)
    try:
        wait_until(fleet.ticks, 60, "the first tick")
        (tmp_path / "schedule.yml").write_text(SCHEDULE.replace("job: Tick", "job: Renewed"))
        for _ in range(3):
            fleet.replace_oldest()
            before = len(fleet.ticks())
            wait_until(lambda n=before: len(fleet.ticks()) > n, 60, "a tick")  # type: ignore[misc]
        assert_each_once(fleet.ticks())
        jobs = fleet.jobs()
    finally:
        fleet.end()
    assert jobs == sorted(jobs, key=("Tick", "Renewed").index), "no old job after the first new one"
    assert set(jobs) == {"Tick", "Renewed"}


@pytest.mark.stress
@pytest.mark.timeout(7200)
def test_a_thousand_changes_of_the_leader(server: ServerProcess, tmp_path: Path) -> None:
    change_leaders(server, tmp_path, CHANGES)


@pytest.mark.stress
@pytest.mark.timeout(3600)
def test_thirty_changes_at_the_default_lease(server: ServerProcess, tmp_path: Path) -> None:
    change_leaders(server, tmp_path, 30, 15.0)
