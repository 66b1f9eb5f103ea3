"""Leaders that are killed, paused, stopped and robbed of their lease, one tick a second: no tick is lost, none comes twice.

`SHIFTBOSS_LEADERS` says how many changes the long form makes; its default is 1,000.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import redis

from shiftboss.periodic.entry import tick_id
from tests.servers import ServerProcess, embedded_binary, path_server
from tests.waiting import wait_until

SCHEDULE = "jobs:\n  tick: {every: 1s, job: Tick, catch_up: all, catch_up_window: 1h}\n"
LEADER = "sb:{periodic:default}:leader"
WAYS = ("kill", "pause", "stop", "rob")


@pytest.fixture
def server() -> Iterator[ServerProcess]:
    with ServerProcess(path_server() or embedded_binary()).start() as server:
        yield server


class Fleet:
    """Three processes that fire one schedule."""

    def __init__(self, url: str, folder: Path, lease: float) -> None:
        self.raw = redis.Redis.from_url(url, decode_responses=True)
        self._folder = folder
        (folder / "schedule.yml").write_text(SCHEDULE)
        self._command = [
            "-m",
            "shiftboss.cli",
            "periodic",
            "run",
            "schedule.yml",
            "--lease",
            str(lease),
            "--redis",
            url,
        ]
        self._processes: list[subprocess.Popen[bytes]] = []
        self.lease = lease
        for _ in range(3):
            self.start()

    def start(self) -> None:
        with (self._folder / "log").open("ab") as log:
            self._processes.append(
                subprocess.Popen([sys.executable, *self._command], cwd=self._folder, stdout=log, stderr=log)
            )

    def leader(self) -> subprocess.Popen[bytes] | None:
        """The process that leads, by the server's word."""
        pid = str(self.raw.get(LEADER) or "--").split("-")[-2]
        return next((process for process in self._processes if str(process.pid) == pid), None)

    def change(self, how: str) -> None:
        """Take the lead away from whoever has it."""
        wait_until(self.leader, 60, "a leader")
        leader = self.leader()
        if leader is None:
            return
        if how == "rob":
            self.raw.delete(LEADER)
        elif how == "pause":
            leader.send_signal(signal.SIGSTOP)
            before = self.raw.get(LEADER)
            wait_until(lambda: self.raw.get(LEADER) not in {before, None}, 60, "another leader")
            leader.send_signal(signal.SIGCONT)
        else:
            leader.send_signal(signal.SIGKILL if how == "kill" else signal.SIGTERM)
            leader.wait(20)
            self._processes.remove(leader)
            self.start()

    def ticks(self) -> list[str]:
        """The ids of what was enqueued, oldest first."""
        return [msgspec.json.decode(text)["jid"] for text in self.raw.lrange("queue:default", 0, -1)[::-1]]  # type: ignore[index]

    def end(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()
        self.raw.close()


def change_leaders(url: str, folder: Path, changes: int, lease: float = 1.0) -> None:
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    fleet = Fleet(url, folder, lease)
    try:
        wait_until(lambda: fleet.ticks(), 60, "the first tick")  # noqa: PLW0108  the list grows
        for number in range(changes):
            before = len(fleet.ticks())
            fleet.change(WAYS[number % len(WAYS)] if changes < 10 else chance.choice(WAYS))
            wait_until(lambda n=before: len(fleet.ticks()) > n, 60 + 2 * lease, f"a tick after change {number}")  # type: ignore[misc]
        found = fleet.ticks()
    finally:
        fleet.end()
    now = int(time.time())
    numbers = {tick_id("default", "tick", second * 1000): second for second in range(now - 6 * 3600, now + 5)}
    seconds = [numbers[jid] for jid in found]
    missing = sorted(set(range(seconds[0], seconds[-1] + 1)) - set(seconds))
    twice = (
        sorted({second for second in seconds if seconds.count(second) > 1}) if len(set(seconds)) < len(seconds) else []
    )
    log = (folder / "log").read_text()[-4000:]
    assert (missing, twice) == ([], []), f"seed {seed}, {changes} changes: missing {missing}, twice {twice}\n{log}"
    print(f"{changes} changes of the leader, {len(seconds)} ticks, none missing, none twice")


@pytest.mark.timeout(180)
def test_a_few_changes_of_the_leader_lose_no_tick_and_double_none(server: ServerProcess, tmp_path: Path) -> None:
    change_leaders(f"redis://127.0.0.1:{server.port}/0", tmp_path, 4)


@pytest.mark.stress
@pytest.mark.timeout(7200)
def test_a_thousand_changes_of_the_leader(server: ServerProcess, tmp_path: Path) -> None:
    change_leaders(f"redis://127.0.0.1:{server.port}/0", tmp_path, int(os.environ.get("SHIFTBOSS_LEADERS", "1000")))


@pytest.mark.stress
@pytest.mark.timeout(3600)
def test_thirty_changes_at_the_default_lease(server: ServerProcess, tmp_path: Path) -> None:
    change_leaders(f"redis://127.0.0.1:{server.port}/0", tmp_path, 30, 15.0)
