"""A user's own test suite, run by a pytest of its own: the fixtures are there by themselves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

JOBS = """
from shiftboss import job

sent = []


@job(queue="mail")
def send_welcome(address):
    sent.append(address)


def sign_up(address):
    send_welcome.perform_async(address)
"""
PASSING = """
from datetime import timedelta

from shop import send_welcome, sent, sign_up
from shiftboss.testing import assert_enqueued


def test_that_the_job_is_pushed(shiftboss_fake):
    assert len(send_welcome.jobs) == 0
    sign_up("ada@example.com")
    assert len(send_welcome.jobs) == 1
    assert_enqueued(send_welcome, args=["ada@example.com"], queue="mail")


def test_that_each_test_begins_empty(shiftboss_fake):
    assert send_welcome.jobs == []


def test_that_it_runs(shiftboss_inline):
    sign_up("bob@example.com")
    assert sent[-1] == "bob@example.com"


def test_with_a_real_server(shiftboss_store):
    assert shiftboss_store.client.server.kind == "standalone"
    sign_up("eve@example.com")
    assert send_welcome.drain() == 1
    assert sent[-1] == "eve@example.com"


def test_with_a_clock(shiftboss_fake, shiftboss_clock):
    send_welcome.perform_in(60, "x")
    due = send_welcome.jobs[0].at
    shiftboss_clock.move(timedelta(minutes=1))
    import time
    assert time.time() == due
"""
FAILING = """
from shop import sign_up
from shiftboss.testing import assert_enqueued


def test_that_fails(shiftboss_fake):
    sign_up("ada@example.com")
    assert_enqueued("shop.send_welcome", args=["bob@example.com"])
"""


def run(folder: Path, test: str) -> subprocess.CompletedProcess[str]:
    (folder / "shop.py").write_text(JOBS)
    (folder / "test_shop.py").write_text(test)
    (folder / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:asyncio"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=50, check=False)


def test_the_fixtures_work_in_a_suite_that_configures_nothing(tmp_path: Path) -> None:
    result = run(tmp_path, PASSING)
    assert "5 passed" in result.stdout, result.stdout + result.stderr


def test_a_failing_assertion_shows_what_was_enqueued(tmp_path: Path) -> None:
    result = run(tmp_path, FAILING)
    assert result.returncode == pytest.ExitCode.TESTS_FAILED
    assert (
        "expected at least one job shop.send_welcome, args=['bob@example.com'], found 0; enqueued are:" in result.stdout
    )
    assert "shop.send_welcome('ada@example.com') on mail" in result.stdout
