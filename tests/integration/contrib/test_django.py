"""Django: a project with an app of jobs, run as its users would."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.backends import Backend
from tests.waiting import wait_until

SITE = Path(__file__).with_name("site")


@pytest.fixture
def environment(backend: Backend, tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "SITE_DATABASE": str(tmp_path / "site.sqlite3"), "SITE_REDIS": backend.url}


def run(environment: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command], cwd=SITE, env=environment, capture_output=True, text=True, timeout=50, check=False
    )


@pytest.mark.backends("redis")
def test_jobs_are_pushed_after_the_commit_and_run_by_the_projects_worker(
    environment: dict[str, str], tmp_path: Path
) -> None:
    pushed = run(environment, "push.py")
    assert pushed.returncode == 0, pushed.stderr
    worker = subprocess.Popen([sys.executable, "manage.py", "shiftboss", "worker"], cwd=SITE, env=environment)
    try:
        wait_until(lambda: greeted(tmp_path) == {"ann": "greeted", "bob": "greeted", "eve": "greeted by a coroutine"})
    finally:
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(20) == 0


@pytest.mark.backends("redis")
def test_the_command_line_is_that_of_shiftboss(environment: dict[str, str]) -> None:
    done = run(environment, "manage.py", "shiftboss", "stats", "--json")
    assert done.returncode == 0, done.stderr
    assert '"processed"' in done.stdout
    wrong = run(environment, "manage.py", "shiftboss", "statz")
    assert wrong.returncode == 2
    assert "statz" in wrong.stderr


def greeted(tmp_path: Path) -> dict[str, str]:
    with sqlite3.connect(tmp_path / "site.sqlite3", timeout=10) as database:
        return dict(database.execute("SELECT username, first_name FROM auth_user"))
