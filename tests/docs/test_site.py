"""The documentation site can be built, and nothing in it leads nowhere."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.docs.pages import ROOT


def test_it_is_built_without_a_warning_and_fetches_nothing_from_elsewhere(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    built = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    pages = {str(page.parent.relative_to(tmp_path)): page.read_text("utf-8") for page in tmp_path.rglob("index.html")}
    assert "within_limit" in pages["reference/python"]
    assert "batches/ack" in pages["reference/scripts"]
    assert all('src="http' not in page and 'rel="stylesheet" href="http' not in page for page in pages.values())


def test_every_page_is_in_its_contents() -> None:
    text = (ROOT / "mkdocs.yml").read_text("utf-8")
    named = {page for page in text.split() if page.endswith(".md")}
    pages = {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")}
    assert pages <= named
