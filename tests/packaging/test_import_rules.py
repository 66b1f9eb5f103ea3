"""Who may import whom: the contracts in pyproject.toml hold, and each is seen to catch what it forbids."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = "errors config events service jobs keys scripts embedded store client outbox registry batches limiters periodic cli web".split()
ENGINES = "celery sidekiq".split()


def lint_imports(directory: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """In `directory`, whose pyproject.toml says the rules; names and exit status are read, colours are not wanted."""
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    command = [sys.executable, "-c", code, "--no-logo", "--no-cache"]
    env = {**os.environ, "NO_COLOR": "1", "COLUMNS": "200", **env}
    return subprocess.run(command, cwd=directory, env=env, capture_output=True, text=True, check=False, timeout=50)


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A package with a module for each room, one importing the next below, under the rules of the tree."""
    package = tmp_path / "shiftboss"
    for room in ROOMS:
        (package / room).mkdir(parents=True)
        (package / room / "__init__.py").write_text("")
    for engine in ENGINES:
        (package / "engines" / engine).mkdir(parents=True)
        (package / "engines" / engine / "__init__.py").write_text("import shiftboss.outbox\n")
    (package / "engines" / "__init__.py").write_text("")
    (package / "__init__.py").write_text("")
    (package / "cli" / "__init__.py").write_text("import shiftboss.batches, shiftboss.engines.sidekiq\n")
    (package / "batches" / "__init__.py").write_text("import shiftboss.outbox, shiftboss.client\n")
    (package / "store" / "__init__.py").write_text("import shiftboss.scripts, shiftboss.keys, shiftboss.jobs\n")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_tree_keeps_its_rules() -> None:
    seen = lint_imports(ROOT)
    assert seen.returncode == 0, seen.stdout + seen.stderr


def test_a_house_in_order_passes(house: Path) -> None:
    seen = lint_imports(house, PYTHONPATH=str(house))
    assert seen.returncode == 0, seen.stdout + seen.stderr


@pytest.mark.parametrize(
    ("importer", "imported", "contract"),
    [
        ("errors", "store", "layers"),
        ("scripts", "store", "layers"),
        ("store", "outbox", "layers"),
        ("outbox", "batches", "layers"),
        ("batches", "limiters", "layers"),
        ("periodic", "batches", "layers"),
        ("batches", "cli", "layers"),
        ("limiters", "engines.sidekiq", "layers"),
        ("engines.sidekiq", "engines.celery", "independence"),
        ("engines.celery", "batches", "protocol"),
    ],
)
def test_a_forbidden_import_is_caught(house: Path, importer: str, imported: str, contract: str) -> None:
    with (house / "shiftboss" / importer.replace(".", "/") / "__init__.py").open("a") as file:
        file.write(f"import shiftboss.{imported}\n")
    seen = lint_imports(house, PYTHONPATH=str(house))
    assert seen.returncode == 1, seen.stdout + seen.stderr
    broken = [line.partition(":")[0] for line in seen.stdout.splitlines() if line.endswith(" BROKEN")]
    assert contract in broken, seen.stdout


def test_a_module_without_a_place_is_caught(house: Path) -> None:
    (house / "shiftboss" / "helpers.py").write_text("")
    seen = lint_imports(house, PYTHONPATH=str(house))
    assert seen.returncode == 1
    assert "shiftboss.helpers" in seen.stdout
