"""The tests that a page shows pass: its files are written as it says, and pytest runs them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, fences

SHOWN = [str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")]
PAGES = sorted(page for page in SHOWN if any((fence.file or "").startswith("tests/") for fence in fences(page)))


@pytest.mark.parametrize("page", PAGES)
def test_the_tests_that_a_page_shows_pass(page: str, tmp_path: Path) -> None:
    for fence in fences(page):
        if fence.language == "python" and fence.file:
            path = tmp_path / fence.file
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a") as file:
                file.write(fence.text)
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\npythonpath = .\n")
    plugins = ["-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:asyncio"]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *plugins, "tests"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
