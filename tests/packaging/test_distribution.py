"""The wheel, built from the sdist, holds the tree's files under their installed names and nothing else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Folder of the tree -> folder in the wheel, as pyproject.toml maps them.
FOLDERS = {
    "src/shiftboss": "shiftboss",
    "src/batches": "shiftboss/batches",
    "src/limiters": "shiftboss/limiters",
    "src/periodic": "shiftboss/periodic",
    "lua": "shiftboss/lua",
}
IGNORED = shutil.ignore_patterns("__pycache__", "*.py[co]", ".*", "*~")

# Prints where shiftboss was found, the text of every script, and what the command would start.
PROBE = """
import importlib.metadata, importlib.resources, json, sys
import shiftboss

def walk(node, path=""):
    for child in node.iterdir():
        if child.is_dir():
            yield from walk(child, f"{path}{child.name}/")
        elif child.name.endswith(".lua"):
            yield path + child.name, child.read_text("utf-8")

[command] = [e.value for e in importlib.metadata.distribution("shiftboss").entry_points if e.group == "console_scripts"]
lua = dict(walk(importlib.resources.files("shiftboss.lua")))
json.dump({"file": shiftboss.__file__, "lua": lua, "command": command}, sys.stdout)
"""


class Built(NamedTuple):
    sdist: Path
    wheel: Path


def run(*command: str | Path, **env: str) -> str:
    done = subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True, check=False, timeout=55)
    if done.returncode:
        pytest.fail("\n".join([*map(str, command), *(done.stdout + done.stderr).splitlines()[-20:]]), pytrace=False)
    return done.stdout


def installed_names() -> dict[str, Path]:
    """Every file of the tree by the name that it must have in the wheel."""
    names = {}
    for folder, target in FOLDERS.items():
        if (ROOT / folder).is_dir():
            for directory, _, files in os.walk(ROOT / folder):
                for file in sorted(set(files) - IGNORED(directory, files)):
                    path = Path(directory, file)
                    if "__pycache__" not in path.parts:
                        names[str(PurePosixPath(target) / path.relative_to(ROOT / folder).as_posix())] = path
    return names


def scripts() -> dict[str, str]:
    return {
        path.relative_to(ROOT / "lua").as_posix(): path.read_text("utf-8") for path in (ROOT / "lua").rglob("*.lua")
    }


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Both archives, from a copy without what earlier builds have left behind."""
    place = tmp_path_factory.mktemp("built")
    for file in ("pyproject.toml", "setup.cfg", "README.md", "LICENSE"):
        if (ROOT / file).exists():
            shutil.copy(ROOT / file, place / file)
    for folder in ("src", "lua"):
        shutil.copytree(ROOT / folder, place / folder, ignore=IGNORED)
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", place / "dist", place)
    [sdist], [wheel] = (place / "dist").glob("*.tar.gz"), (place / "dist").glob("*.whl")
    return Built(sdist, wheel)


@pytest.fixture(scope="module")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel in a folder of its own; what it depends on comes from the running environment."""
    place = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    run(*pip, "--no-deps", "--no-index", "--no-compile", "--target", place, built.wheel)
    return place


def test_the_wheel_holds_the_tree_and_nothing_else(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as archive:
        held = {
            name: archive.read(name) for name in archive.namelist() if not name.split("/")[0].endswith(".dist-info")
        }
    expected = installed_names()
    assert {"shiftboss/__init__.py", "shiftboss/py.typed", "shiftboss/batches/__init__.py"} <= set(expected)
    assert sorted(held) == sorted(expected), "is every package listed in pyproject.toml?"
    assert [name for name in held if held[name] != expected[name].read_bytes()] == []


def test_the_archives_hold_the_licence(built: Built) -> None:
    licence = (ROOT / "LICENSE").read_bytes()
    with zipfile.ZipFile(built.wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith("/LICENSE")]
        assert archive.read(name) == licence
    with tarfile.open(built.sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"LICENSE", "pyproject.toml", "setup.cfg"} <= names


def test_the_wheel_gives_its_lua_files_and_its_command(installed: Path) -> None:
    seen = json.loads(run(sys.executable, "-c", PROBE, PYTHONPATH=str(installed)))
    assert Path(seen["file"]).is_relative_to(installed)
    assert seen["lua"] == scripts() != {}
    assert seen["command"] == "shiftboss.cli:main"


def test_the_editable_install_gives_the_same() -> None:
    seen = json.loads(run(sys.executable, "-c", PROBE, PYTHONPATH=""))
    assert Path(seen["file"]).resolve() == ROOT / "src/shiftboss/__init__.py"
    assert seen["lua"] == scripts() != {}, "a file was added: make install"
    assert seen["command"] == "shiftboss.cli:main"


def test_the_command_of_the_wheel_starts(installed: Path) -> None:
    assert "Usage: shiftboss" in run(installed / "bin/shiftboss", "--help", PYTHONPATH=str(installed))
