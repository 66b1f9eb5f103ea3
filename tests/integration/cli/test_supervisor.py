"""`shiftboss worker --processes N`, `--reload` and `--config`, as processes."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from textwrap import dedent

import pytest

from shiftboss import ProcessSet, Shiftboss
from shiftboss.jobs import Message
from tests.backends import Backend
from tests.integration.cli.processes import TIMEOUT, running
from tests.waiting import wait_until

pytestmark = [pytest.mark.backends("embedded"), pytest.mark.own_keys]


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A directory with a module of jobs."""
    (tmp_path / "jobs.py").write_text(
        dedent(
            """
            import os
            import time
            from shiftboss import current_client, job
            from shiftboss.scripts import command

            @job(name="pid")
            def pid() -> None:
                current_client().store.run(command("RPUSH", ["test:pids"], [os.getpid()], int))

            @job(name="hang")
            def hang() -> None:
                pid()
                while not os.path.exists("go_on"):
                    time.sleep(0.01)
            """
        )
    )
    return tmp_path


def pids(client: Shiftboss) -> set[int]:
    return {process.info["pid"] for process in ProcessSet(client=client)}


def push(client: Shiftboss, name: str = "pid") -> None:
    client.perform(client.push([Message(name, (), "default", os.urandom(12).hex())]))


def end(worker: subprocess.Popen[str], number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
    worker.send_signal(number)
    _, log = worker.communicate(timeout=TIMEOUT)
    return worker.returncode, log


def test_what_dies_is_started_anew_and_all_stop_together(client: Shiftboss, backend: Backend, app: Path) -> None:
    (app / "worker.yml").write_text(f"require: jobs\nprocesses: 2\nconcurrency: 1\nredis: {backend.url}\n")
    with running("worker", "--config", "worker.yml", cwd=app) as worker:
        first = wait_until(lambda: len(found := pids(client)) == 2 and found, timeout=30, what="two processes")
        assert worker.pid not in first
        victim = min(first)
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: pids(client) - first, timeout=30, what="another process")
        for _ in range(4):
            push(client)
        wait_until(lambda: backend.raw.llen("test:pids") == 4, what="the jobs")
        code, log = end(worker, signal.SIGINT)
    assert code == 0
    assert f"process {victim} has ended (SIGKILL); another one starts in" in log
    assert "Traceback" not in log
    assert pids(client) <= {victim}, "those that were told to stop have left"


def test_quiet_is_passed_on(client: Shiftboss, backend: Backend, app: Path) -> None:
    with running("worker", "-r", "jobs", "--processes", "2", "--redis", backend.url, cwd=app) as worker:
        wait_until(lambda: len(pids(client)) == 2, timeout=30, what="two processes")
        worker.send_signal(signal.SIGTSTP)
        wait_until(lambda: all(process.quiet for process in ProcessSet(client=client)), what="both to rest")
        push(client)
        assert end(worker)[0] == 0
    assert backend.raw.llen("queue:default") == 1


def test_children_do_not_outlive_their_parent(client: Shiftboss, backend: Backend, app: Path) -> None:
    with running("worker", "-r", "jobs", "--processes", "2", "--redis", backend.url, cwd=app) as worker:
        wait_until(lambda: len(pids(client)) == 2, timeout=30, what="two processes")
        worker.kill()
        wait_until(lambda: not pids(client), timeout=30, what="the children to leave")


def test_a_mistake_ends_all_with_its_own_code(backend: Backend, app: Path) -> None:
    (app / "empty.py").write_text("")
    with running("worker", "-r", "empty", "--processes", "2", "--redis", backend.url, cwd=app) as worker:
        _, log = worker.communicate(timeout=TIMEOUT)
    assert worker.returncode == 2
    assert "no jobs are registered by empty" in log


def test_it_starts_anew_when_the_source_changes(client: Shiftboss, backend: Backend, app: Path) -> None:
    with running("worker", "-r", "jobs", "--reload", "--redis", backend.url, cwd=app) as worker:
        (first,) = wait_until(lambda: pids(client), timeout=30, what="the process")
        source = (app / "jobs.py").read_text()
        (app / "jobs.py").write_text(source + "\ndef (")
        wait_until(lambda: not pids(client), timeout=30, what="the old process to leave")
        (app / "jobs.py").write_text(source.replace('"test:pids"', '"test:new"'))
        (second,) = wait_until(lambda: pids(client), timeout=30, what="the new process")
        push(client)
        wait_until(lambda: backend.raw.llen("test:new") == 1, what="the new source to run")
        assert end(worker)[0] == 0
    assert first != second


@pytest.mark.parametrize("patient", [True, False])
def test_a_stop_is_heard_while_old_processes_end_for_the_new_source(
    client: Shiftboss, backend: Backend, app: Path, patient: bool
) -> None:
    words = ("worker", "-r", "jobs", "--reload", "--timeout", "600", "--redis", backend.url)
    with running(*words, cwd=app) as worker:
        push(client, "hang")
        wait_until(lambda: backend.raw.llen("test:pids") == 1, timeout=30, what="the job to run")
        with (app / "jobs.py").open("a") as source:
            source.write("# changed\n")
        wait_until(lambda: all(one.quiet for one in ProcessSet(client=client)), timeout=30, what="the process to stop")
        worker.send_signal(signal.SIGINT)
        if patient:
            (app / "go_on").touch()
            worker.communicate(timeout=TIMEOUT)
            assert worker.returncode == 0
        else:
            wait_until(lambda: (worker.send_signal(signal.SIGINT), worker.poll() is not None)[1], timeout=30)
    assert backend.raw.llen("test:pids") == 1
