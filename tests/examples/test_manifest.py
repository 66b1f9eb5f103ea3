"""The manifest example, run as its README says: workers as processes, on a real server."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest

from tests.backends import Backend
from tests.integration.cli.processes import TIMEOUT, run, running
from tests.waiting import wait_until

pytestmark = [pytest.mark.backends("embedded", "redis"), pytest.mark.own_keys]
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "manifest"


def test_the_manifest_agrees_with_hashlib(backend: Backend, tmp_path: Path) -> None:
    root, place = tmp_path / "ro ot", tmp_path / "manifest.json"
    expected = {}
    for number in range(60):
        folder = root / f"folder {number % 7}"
        folder.mkdir(parents=True, exist_ok=True)
        name = os.fsdecode(b"caf\xe9\n%d" % number)
        data = bytes([number]) * number * 1000
        (folder / name).write_bytes(data)
        expected[os.fsencode((folder / name).relative_to(root))] = (len(data), hashlib.sha256(data).hexdigest())
    (root / "link").symlink_to("folder 0")
    os.mkfifo(root / "fifo")
    env = {"REDIS_URL": backend.url}
    with ExitStack() as stack:
        words = ("worker", "--require", "jobs", "--queue", "manifest")
        workers = [stack.enter_context(running(*words, cwd=EXAMPLE, **env)) for _ in range(2)]
        wait_until(lambda: backend.raw.scard("processes") == 2, what="both workers to have started")
        made = make(root, place, env=env)
        assert (made.returncode, made.stderr) == (0, "")
        assert f"60 files; a worker writes {place}" in made.stdout
        wait_until(place.exists, what="the manifest")
        for worker in workers:
            worker.send_signal(signal.SIGTERM)
        logs = [worker.communicate(timeout=TIMEOUT)[1] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], logs
    manifest = json.loads(place.read_text("utf-8"))
    found = {unquote_to_bytes(fact["quoted"]): (fact["size"], fact["sha256"]) for fact in manifest["files"]}
    assert found == expected
    assert {(fact["path"], fact["reason"]) for fact in manifest["others"]} == {
        ("link", "a symbolic link"),
        ("fifo", "no regular file"),
    }
    assert all(backend.raw.ttl(key) > 0 for key in backend.raw.keys("manifest:*"))
    listed = run("batches", "ls", "--tag", "manifest", "--json", REDIS_URL=backend.url)
    assert json.loads(listed.stdout)["state"] == "succeeded"


@pytest.mark.parametrize("words", [[], ["/etc"], ["/nowhere-at-all", "m.json"], [".", "m.json"]], ids=str)
def test_wrong_words_are_one_answer(backend: Backend, words: list[str]) -> None:
    made = make(*words, env={"REDIS_URL": backend.url})
    assert (made.returncode, made.stdout) == (1, "")
    assert "Traceback" not in made.stderr


def make(*words: str | Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "make_manifest.py", *map(str, words)]
    return subprocess.run(
        command, cwd=EXAMPLE, env={**os.environ, **env}, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
