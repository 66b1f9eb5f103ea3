"""`shiftboss doctor`, on real servers."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from click.testing import CliRunner, Result

from shiftboss import Queue, Shiftboss, job, keys, periodic
from shiftboss.batches import Batch
from shiftboss.cli.root import cli
from shiftboss.scripts import command
from tests.backends import Backend
from tests.integration.cli.processes import at_terminal, plain
from tests.servers import ServerProcess, embedded_binary

pytestmark = pytest.mark.backends("fake", "embedded", "redis", "cluster")


@job(name="doctor_command.nothing", queue="low")
def nothing() -> None: ...


def doctor(url: str, *args: str) -> Result:
    return CliRunner().invoke(cli, ["doctor", "--redis", url, *args])


def states(url: str) -> dict[str, str]:
    found: list[dict[str, Any]] = json.loads(doctor(url, "--json").stdout)["checks"]
    return {one["check"]: one["state"] for one in found}


def test_an_empty_server_is_well(backend: Backend) -> None:
    found = states(backend.url)
    assert found.pop("persistence", "warning") == "warning"  # these servers keep nothing
    assert set(found.values()) == {"ok"}
    assert {"server", "eviction", "memory", "batches"} <= set(found)


def test_a_server_that_keeps_everything_is_well_and_the_exit_code_says_so() -> None:
    with ServerProcess(embedded_binary(), "--appendonly", "yes") as server:
        shown = doctor(server.url)
        assert (shown.exit_code, "warning" in shown.stdout) == (0, False)
        server.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        shown = doctor(server.url)
        assert shown.exit_code == 1
        assert "maxmemory-policy is allkeys-lru: jobs and batches are deleted when memory is short" in shown.stdout


@pytest.mark.own_keys
def test_what_a_newer_release_wrote_is_found(backend: Backend, client: Shiftboss) -> None:
    assert states(backend.url)["layout"] == "ok"
    client.store.run(command("SET", [keys.layout("sb")], [keys.LAYOUT + 1], bool))
    assert states(backend.url)["layout"] == "warning"
    client.store.run(command("DEL", [keys.layout("sb")], [], int))


@pytest.mark.backends("fake", "embedded", "redis")
def test_jobs_without_a_worker_a_schedule_without_a_leader_and_a_stuck_batch_are_found(
    client: Shiftboss, backend: Backend
) -> None:
    with pytest.raises(KeyError), Batch(client=client).jobs(autoflush=1):
        nothing.perform_async()
        raise KeyError
    periodic.put("nightly", job="Nightly", every=60.0, schedule="billing", client=client)
    found = states(backend.url)
    assert [found[name] for name in ("workers", "schedule billing", "batches")] == ["warning"] * 3


@pytest.mark.backends("embedded")
def test_memory_without_a_limit_is_told_as_such(backend: Backend) -> None:
    assert re.search(r"memory +ok +\S+ [kM]B used; maxmemory is not set\n", doctor(backend.url).stdout)


def test_a_server_that_is_not_there_is_one_line() -> None:
    shown = doctor("redis://127.0.0.1:1/0")
    assert shown.exit_code == 1
    assert len(shown.stderr.splitlines()) == 1


@pytest.mark.backends("embedded")
def test_at_a_narrow_terminal_it_says_all_it_has_to_say(backend: Backend) -> None:
    lines = plain(at_terminal("doctor", columns=80, SHIFTBOSS_URL=backend.url))
    assert all(len(line) <= 80 for line in lines)
    text = " ".join(" ".join(lines).split())
    assert "a restart goes back to the last snapshot; set it to yes to keep jobs" in text


@pytest.mark.own_keys
@pytest.mark.backends("fake", "embedded", "redis")
def test_jobs_in_a_queue_that_no_worker_serves_or_that_is_paused_are_found(client: Shiftboss, backend: Backend) -> None:
    nothing.set(queue="nobodys").perform_async()
    nothing.set(queue="resting").perform_bulk([(), ()])
    nothing.perform_async()
    Queue("resting").pause()
    Queue("empty").pause()
    info = {"hostname": "x", "concurrency": 5, "queues": ["low", "resting"], "labels": [], "started_at": 1}
    backend.raw.sadd("processes", "x:1:1")
    backend.raw.hset("x:1:1", mapping={"info": json.dumps(info), "busy": 0, "beat": time.time()})
    found = {one["check"]: one for one in json.loads(doctor(backend.url, "--json").stdout)["checks"]}
    assert [name for name in found if name.startswith("queue ")] == ["queue nobodys", "queue resting"]
    assert found["queue nobodys"]["state"] == found["queue resting"]["state"] == "warning"
    assert found["queue nobodys"]["detail"].startswith("1 job, and no worker serves it: ")
    assert found["queue resting"]["detail"].startswith("2 jobs, and it is paused: ")
    assert found["workers"]["state"] == "ok"
