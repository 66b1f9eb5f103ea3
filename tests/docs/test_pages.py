"""The Python of the documents runs.

A block that begins with a comment like ``# app/jobs.py`` is written to that file, or appended to it the next time. A block
with the word `run` behind its language is run, in the page's order, while a worker serves what it pushes; retries come at once.
What the pages of engines show runs in `tests/engines/test_pages.py`, what those of web frameworks show in
`tests/examples/test_pages.py`, and the dashboard's sites in `tests/web`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, fences

DRIVER = """
import importlib, json, logging, os, re, sys, types
from shiftboss import Shiftboss
from shiftboss.embedded import shared_server
from shiftboss.engines.sidekiq.worker import Worker, failure
from shiftboss.trusted import trust

# What a page shows as the first retry after 15 to 25 seconds comes at once here.
failure.delay_after = lambda count: 0.001
failure.random = types.SimpleNamespace(random=lambda: 0.0)

page, modules, before, blocks = json.loads(sys.stdin.read())
logging.basicConfig(level=logging.WARNING)
os.environ["SHIFTBOSS_URL"] = shared_server().url
for module in modules:
    importlib.import_module(module)
    trust(module)
scope = {"__name__": "page"}
client = Shiftboss(shared_server().url)
with Worker(client, queues=["critical", "default", "low"], concurrency=50, timeout=5):
    exec(before, scope)
    for line, text in blocks:
        text = re.sub(r"redis://\\w+:6379/\\d", os.environ["SHIFTBOSS_URL"], text)
        exec(compile("\\n" * (line - 1) + text, page, "exec"), scope)
"""
# What a page takes for granted.
BEFORE = {
    "how-to/run-a-schedule.md": "open('schedule.yml', 'w').write('jobs: {}')",
    "how-to/use-batches.md": """
from app.jobs import send_invoice
from shiftboss import Queue
from shiftboss.batches import Batch
with (batch := Batch()).jobs():
    send_invoice.set(queue="nobody's").perform_async(7)
Queue("nobody's").clear()
lost = batch.bid
numbers = list(range(7))
try:
    with (batch := Batch()).jobs(autoflush=3):
        for number in numbers:
            send_invoice.perform_async(number)
            assert number < 5
except AssertionError:
    broken = batch.bid
""",
    "reference/jobs.md": "from shiftboss import Job",
    "reference/settings.md": "from shiftboss import job\n\n@job\ndef send_invoice(number): ...",
    "tutorial/first-batch.md": "import time\nfrom shiftboss import job",
}
SHOWN = ["../README.md", *(str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md"))]
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
    files = {fence.file for fence in python if fence.file and fence.info != "run"}
    modules = sorted(file[:-3].replace("/", ".") for file in files if not file.endswith("_site.py"))
    ran = subprocess.run(
        [sys.executable, "-c", DRIVER],
        input=json.dumps([page, modules, BEFORE.get(page, ""), blocks]),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
