"""`shiftboss demo` as anyone runs it: no server given, files of all kinds, and nothing left behind."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest

from tests.backends import Backend
from tests.integration.cli.processes import TIMEOUT, Family, at_terminal, plain, run, running
from tests.servers import require
from tests.waiting import wait_until

ODD = (b"a b", b"new\nline", b"quo'te\"", b"caf\xe9", "ü".encode(), b"-rf", b"*", b"back\\slash", b"%41", b".hidden")
STDLIB = Path(sysconfig.get_path("stdlib"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A directory with files of all kinds."""
    root = tmp_path / "ro ot"
    (root / "deep" / "er").mkdir(parents=True)
    (root / "nothing in it").mkdir()
    for name in ODD:
        Path(os.fsdecode(os.fsencode(root) + b"/" + name)).write_bytes(b"<" + name + b">")
    (root / "empty").touch()
    (root / "deep" / "er" / "large").write_bytes(os.urandom(3_000_000))
    (root / "link").symlink_to("empty")
    (root / "loop").symlink_to(".")
    os.mkfifo(root / "fifo")
    return root


@pytest.fixture
def family() -> Family:
    require(Path("/proc/self/environ").exists() or None, "no /proc to find processes in")
    return Family()


def names_of(manifest: dict[str, Any]) -> dict[bytes, tuple[int, str]]:
    """Size and hash by the names of the files as they are on disk."""
    return {
        unquote_to_bytes(fact["path_quoted"]) if "path_quoted" in fact else fact["path"].encode(): (
            fact["size"],
            fact["sha256"],
        )
        for fact in manifest["files"]
    }


def hashed(root: Path) -> dict[bytes, tuple[int, str]]:
    """The same from hashlib."""
    files = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    return {
        os.fsencode(path.relative_to(root)): (path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in files
    }


def test_the_manifest_holds_every_file(root: Path, tmp_path: Path, family: Family) -> None:
    done = run("demo", root, cwd=tmp_path, **family.env)
    assert (done.returncode, done.stderr) == (0, "")
    manifest = json.loads((tmp_path / "manifest.json").read_text("utf-8"))
    assert manifest["root"] == str(root)
    assert names_of(manifest) == hashed(root)
    assert {(fact["path"], fact["kind"]) for fact in manifest["left_out"]} == {
        ("link", "symbolic link"),
        ("loop", "symbolic link"),
        ("fifo", "FIFO"),
    }
    assert "12 files, 3.0 MB, hashed in " in done.stdout
    assert "1 FIFO, 2 symbolic links" in done.stdout
    assert str(tmp_path / "manifest.json") in done.stdout
    assert family.members() == {}


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """The standard library as it was shipped: without what is installed into it, which may be fifty times as large, and
    without what other tests compile meanwhile."""
    library = tmp_path / "library"
    shutil.copytree(STDLIB, library, symlinks=True, ignore=shutil.ignore_patterns("*-packages", "__pycache__"))
    return library


def test_the_standard_library_agrees_with_sha256sum(library: Path, tmp_path: Path) -> None:
    sha256sum = require(shutil.which("sha256sum"), "no sha256sum")
    done = run("demo", library, "--output", tmp_path / "m.json", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    manifest = json.loads((tmp_path / "m.json").read_text("utf-8"))
    found = {name: sha256 for name, (_, sha256) in names_of(manifest).items()}
    files = subprocess.run(["find", ".", "-type", "f", "-print0"], cwd=library, capture_output=True, check=True).stdout
    sums = subprocess.run(
        ["xargs", "-0", sha256sum, "-z", "--"], cwd=library, input=files, capture_output=True, check=True
    ).stdout
    assert found == {line[66:].removeprefix(b"./"): line[:64].decode() for line in sums.split(b"\0") if line}
    assert len(found) > 500


def test_no_path_means_the_standard_library(tmp_path: Path) -> None:
    with running("demo", cwd=tmp_path, PYTHONUNBUFFERED="1") as demo:
        assert demo.stdout is not None
        assert demo.stdout.readline() == f"SHA-256 of every regular file below {STDLIB}\n"


def test_a_terminal_shows_a_bar_that_fits(root: Path, tmp_path: Path) -> None:
    written = at_terminal("demo", root, "--output", tmp_path / "m.json")
    lines = plain(written)
    bars = [line for line in lines if line.startswith("SHA-256 of ro ot ━")]
    assert b"\x1b[" in written
    assert "12/12" in bars[-1]
    assert max(map(len, bars)) <= 80


@pytest.mark.backends("embedded")
@pytest.mark.own_keys
def test_it_runs_on_a_named_server_and_its_results_are_gone(backend: Backend, root: Path, tmp_path: Path) -> None:
    done = run("demo", root, "--redis", backend.url, "--namespace", "mine", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert backend.raw.keys("shiftboss-demo:*") == []
    assert backend.raw.keys("queue:*") == []
    assert backend.raw.keys("sb:*") == []
    listed = run("batches", "ls", "--redis", backend.url, "--namespace", "mine", "--json", "--tag", "demo")
    assert json.loads(listed.stdout)["state"] == "succeeded"


def test_an_empty_directory(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = run("demo", "empty", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads((tmp_path / "manifest.json").read_text())["files"] == []


def test_a_place_that_must_not_be_written(root: Path, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"name": "an app"}')
    done = run("demo", root, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith("is no manifest of this demo; name another place with --output\n")
    assert (tmp_path / "manifest.json").read_text() == '{"name": "an app"}'


def test_a_worker_that_ends_ends_it(tmp_path: Path, family: Family) -> None:
    def workers() -> list[int]:
        return [
            pid for pid, line in family.members("shiftboss.cli worker -r").items() if line.startswith(sys.executable)
        ]

    with running("demo", cwd=tmp_path, **family.env) as demo:
        os.kill(wait_until(workers, 20, "a worker")[0], signal.SIGKILL)
        _, errors = demo.communicate(timeout=TIMEOUT)
    assert (demo.returncode, errors) == (1, "shiftboss: a worker process ended: it was killed\n")
    wait_until(lambda: family.members() == {}, what="the end of all its processes")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_whatever_ends_it_nothing_is_left(number: signal.Signals, tmp_path: Path, family: Family) -> None:
    temporary = tmp_path / "t"
    temporary.mkdir()
    with running("demo", cwd=tmp_path, TMPDIR=str(temporary), **family.env) as demo:
        wait_until(lambda: len(family.members("shiftboss.cli worker -r")) >= 2, 20, "two workers")
        demo.send_signal(number)
        _, errors = demo.communicate(timeout=TIMEOUT)
    if number is signal.SIGINT:
        assert (demo.returncode, errors) == (130, "")
    wait_until(lambda: family.members() == {}, what="the end of all its processes")
    assert list(temporary.glob("sb-*")) == []
