"""The example program with Celery."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engines.conftest import Url
from tests.engines.driver import ROOT
from tests.waiting import wait_until

EXAMPLE = ROOT / "examples" / "celery_batch"
Count = Callable[..., str]


@pytest.fixture
def count(url: Url, tmp_path: Path) -> Iterator[Count]:
    """Runs the program while a worker serves it; returns what the callback reported."""
    environment = {**os.environ, "REDIS_URL": url(11)}
    worker = [sys.executable, "-m", "celery", "-A", "tasks", "worker", "-c", "2", "-l", "WARNING"]
    with (tmp_path / "worker").open("w") as log:
        process = subprocess.Popen(worker, cwd=EXAMPLE, env=environment, stdout=log, stderr=log)
    report = tmp_path / "report"

    def run(*paths: Path) -> str:
        report.unlink(missing_ok=True)
        program = [sys.executable, "count.py", str(report), *map(str, paths)]
        subprocess.run(program, cwd=EXAMPLE, env=environment, check=True, timeout=50, capture_output=True)
        wait_until(lambda: report.exists() and report.read_text(), what="the report")
        return report.read_text()

    yield run
    process.terminate()
    process.wait(10)


def test_words_are_counted_and_what_cannot_be_is_reported(count: Count, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("one", "two", "three")]
    for number, file in enumerate(files, 1):
        file.write_text("word " * number)
    assert count(*files) == "6 words in 3 files\n"
    assert count(files[0], tmp_path / "missing") == "1 of 2 files not counted\n"
