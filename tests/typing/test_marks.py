"""mypy refuses exactly what the files in this folder mark with ``# error: <words>``, and accepts all the rest.

A marked line carries a ``# type: ignore[code]`` too, so that `make check` passes; here mypy sees the files without those.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
_IGNORE = re.compile(r"  # type: ignore\[[\w, -]+\](?=  # error: )")
_MARK = re.compile(r"  # error: (.+)$")
_ERROR = re.compile(r"^[^:]+:(\d+): error: (.*)$")


def errors_of(file: Path) -> dict[int, list[str]]:
    """What mypy says of a file, by line."""
    command = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), file.name]
    run = subprocess.run(command, cwd=file.parent, capture_output=True, text=True, check=False)
    found: dict[int, list[str]] = {}
    for match in filter(None, map(_ERROR.match, run.stdout.splitlines())):
        found.setdefault(int(match[1]), []).append(match[2])
    return found


def unfulfilled(text: str, errors: dict[int, list[str]]) -> list[str]:
    """Lines whose mark and whose errors are not the same, in words."""
    faults = []
    for number, line in enumerate(text.splitlines(), 1):
        mark, said = _MARK.search(line), errors.get(number, [])
        if mark and not any(mark[1] in error for error in said):
            faults.append(f"line {number}: expected an error with {mark[1]!r}, got {said or 'none'}")
        if said and not mark:
            faults.append(f"line {number}: expected no error, got {said}")
    return faults


@pytest.mark.timeout(180)
@pytest.mark.parametrize("file", sorted(set(HERE.glob("*.py")) - {Path(__file__)}), ids=lambda file: file.name)
def test_mypy_refuses_what_is_marked_and_nothing_else(file: Path, tmp_path: Path) -> None:
    text = _IGNORE.sub("", file.read_text())
    copy = tmp_path / file.name
    copy.write_text(text)
    assert unfulfilled(text, errors_of(copy)) == []


def test_a_mark_without_an_error_and_an_error_without_a_mark_are_faults() -> None:
    text = "one()\ntwo()  # error: Too many\nthree()  # error: Too many\n"
    errors = {1: ["Too few"], 2: ["Too many arguments"], 3: ["Too few"]}
    assert [fault.partition(":")[0] for fault in unfulfilled(text, errors)] == ["line 1", "line 3"]
    assert [fault.partition(":")[0] for fault in unfulfilled(text, {})] == ["line 2", "line 3"]
