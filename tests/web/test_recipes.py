"""The how-to's ways to mount the dashboard: anonymous visitors get the host's login, others a 403, administrators the dashboard."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.backends import Backend
from tests.docs.pages import fences

PYTHON = [fence for fence in fences("how-to/use-the-dashboard.md") if fence.language == "python"]
RECIPES = {fence.file: fence.text for fence in PYTHON if fence.file}


@pytest.mark.backends("embedded")
@pytest.mark.parametrize("host", ["fastapi", "django", "flask"])
def test_a_recipe_lets_in_whom_it_should(host: str, backend: Backend, tmp_path: Path) -> None:
    name = f"{host}_site.py"
    (tmp_path / name).write_text(RECIPES[name])
    ran = subprocess.run(
        [sys.executable, Path(__file__).with_name("hosts.py"), host],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path), "SHIFTBOSS_URL": backend.url},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout)
    status, location, shown = said["anonymous"]
    assert status in {302, 303, 307}
    assert location.startswith("/login?next=")
    assert not shown
    assert said["bob"] == [403, "", False]
    assert said["ada"] == [200, "", True]


def test_the_other_python_of_the_page_runs() -> None:
    scope: dict[str, Any] = {}
    for fence in PYTHON:
        if not fence.file:
            exec(fence.text, scope)
    assert scope["without_addresses"]("mail", ["ada@example.com", 7]) == ["…", 7]
