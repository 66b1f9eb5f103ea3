"""The pictures show what the code does."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.docs.pages import ROOT

SCRIPTS = sorted((ROOT / "docs" / "plots").glob("*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_picture_is_what_its_script_draws(script: object) -> None:
    drawn = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True, timeout=50)
    assert script.with_suffix(".svg").read_text("utf-8") == drawn.stdout  # type: ignore[attr-defined]
