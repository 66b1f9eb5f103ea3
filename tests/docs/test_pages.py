"""The Python of the tutorial and of the how-to pages runs.

A block that begins with a comment like ``# app/jobs.py`` is written to that file, or appended to it the next time. A block
with the word `run` behind its language is run, in the page's order, while a worker serves what it pushes; retries come at once.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, fences

DRIVER = """
import importlib, json, logging, os, sys, types
from shiftboss import current_client
from shiftboss.embedded import shared_server
from shiftboss.engines.sidekiq.worker import Worker, failure
from shiftboss.jobs import trust

# What a page shows as the first retry after 15 to 25 seconds comes at once here.
failure.delay_after = lambda count: 0.001
failure.random = types.SimpleNamespace(random=lambda: 0.0)

page, modules, blocks = json.loads(sys.stdin.read())
logging.basicConfig(level=logging.WARNING)
os.environ["SHIFTBOSS_URL"] = shared_server().url
for module in modules:
    importlib.import_module(module)
    trust(module)
scope = {"__name__": "page"}
with Worker(current_client(), queues=["critical", "default", "low"], concurrency=50, timeout=5):
    for line, text in blocks:
        exec(compile("\\n" * (line - 1) + text, page, "exec"), scope)
"""
SHOWN = [
    str(path.relative_to(ROOT / "docs"))
    for kind in ("tutorial", "how-to")
    for path in (ROOT / "docs" / kind).glob("*.md")
]
PAGES = sorted(page for page in SHOWN if any(fence.info == "run" for fence in fences(page)))


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_shows_runs(page: str, tmp_path: Path) -> None:
    python = [fence for fence in fences(page) if fence.language == "python"]
    for fence in python:
        if fence.file and fence.info != "run":
            path = tmp_path / fence.file
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a") as file:
                file.write(fence.text)
    blocks = [(fence.line, fence.text) for fence in python if fence.info == "run"]
    modules = sorted({fence.file[:-3].replace("/", ".") for fence in python if fence.file and fence.info != "run"})
    ran = subprocess.run(
        [sys.executable, "-c", DRIVER],
        input=json.dumps([page, modules, blocks]),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
