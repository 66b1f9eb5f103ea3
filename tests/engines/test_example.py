"""The example programs, one for each engine, run as their READMEs say."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engines.conftest import Url
from tests.engines.driver import ROOT
from tests.engines.shop import end_group
from tests.waiting import wait_until

BIN = Path(sys.executable).parent
WORKERS = {
    "celery": ["celery", "-A", "tasks", "worker", "-c", "2", "-l", "WARNING"],
    "dramatiq": ["dramatiq", "actors", "-p", "1", "-t", "2"],
    "rq": ["rq", "worker", "--url", "{url}", "-w", "shiftboss.engines.rq.ShiftbossWorker", "words", "default"],
    "taskiq": ["taskiq", "worker", "tasks:broker", "-w", "1"],
}
Count = Callable[..., str]


@pytest.fixture(params=list(enumerate(WORKERS)), ids=lambda param: param[1])
def count(request: pytest.FixtureRequest, url: Url, tmp_path: Path) -> Iterator[Count]:
    """Runs the program while a worker serves it; returns what the callback reported."""
    number, engine = request.param
    example, place = ROOT / "examples" / f"{engine}_batch", url(30 + number)
    environment = {**os.environ, "REDIS_URL": place}
    command, *words = (word.format(url=place) for word in WORKERS[engine])
    with (tmp_path / "worker").open("w") as log:
        process = subprocess.Popen(
            [str(BIN / command), *words], cwd=example, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    report = tmp_path / "report"

    def run(*paths: Path) -> str:
        report.unlink(missing_ok=True)
        program = [sys.executable, "count.py", str(report), *map(str, paths)]
        done = subprocess.run(program, cwd=example, env=environment, timeout=50, capture_output=True, check=False)
        assert done.returncode == 0, (done.stderr.decode(), (tmp_path / "worker").read_text())
        wait_until(lambda: report.exists() and report.read_text(), 20, what="the report")
        return report.read_text()

    yield run
    end_group(process, 10)


def test_words_are_counted_and_what_cannot_be_is_reported(count: Count, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("one", "two", "three")]
    for number, file in enumerate(files, 1):
        file.write_text("word " * number)
    assert count(*files) == "6 words in 3 files\n"
    assert count(files[0], tmp_path / "missing") == "1 of 2 files not counted\n"


def test_the_doctor_asks_rq_where_jobs_are_if_the_app_is_named(url: Url) -> None:
    example, environment = ROOT / "examples" / "rq_batch", {**os.environ, "REDIS_URL": url(35)}
    push = (
        "from jobs import count_words, words\n"
        "from shiftboss.batches import Batch\n"
        "with Batch().jobs():\n"
        "    words.enqueue(count_words, 'x')\n"
    )
    subprocess.run([sys.executable, "-c", push], cwd=example, env=environment, check=True, timeout=50)
    doctor = [str(BIN / "shiftboss"), "batches", "doctor"]
    asked = subprocess.run(
        [*doctor, "--require", "jobs"], cwd=example, env=environment, timeout=50, capture_output=True, check=False
    )
    assert asked.returncode == 0, asked
    unasked = subprocess.run(doctor, cwd=example, env=environment, timeout=50, capture_output=True, check=False)
    assert unasked.returncode == 1
    assert b"rq cannot be asked from here" in unasked.stdout
