"""Ruby's Sidekiq beside ours on one server."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from shiftboss.client import Shiftboss
from shiftboss.engines.sidekiq.worker import Worker
from shiftboss.scripts import script
from tests.backends import Backend
from tests.interop import jobs
from tests.waiting import wait_until

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without Ruby the tests are skipped, but not in CI."""
    if shutil.which("sidekiq") is None and not os.environ.get("CI"):
        skip = pytest.mark.skip(reason="no Ruby Sidekiq here: apt-get install ruby-sidekiq")
        for item in items:
            if HERE in item.path.parents:
                item.add_marker(skip)


class Ruby:
    """A Ruby process that does what it is told."""

    def __init__(self, env: dict[str, str]) -> None:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = subprocess.Popen(["ruby", str(HERE / "app.rb")], text=True, env=env, **pipes)

    def __call__(self, word: str, *args: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([word, *args]) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def env(backend: Backend, tmp_path: Path) -> dict[str, str]:
    ack = tmp_path / "ack.lua"
    ack.write_text(script("batches/ack").text)
    return {**os.environ, "SHIFTBOSS_ACK": str(ack), "INTEROP_REDIS": backend.url.replace("unix://", "unix:")}


@pytest.fixture
def ruby(env: dict[str, str], backend: Backend) -> Iterator[Ruby]:
    """Ruby's client."""
    ruby = Ruby(env)
    yield ruby
    ruby.close()


@pytest.fixture
def sidekiq(
    env: dict[str, str], client: Shiftboss, backend: Backend, tmp_path: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Ruby's worker, on the queue `ruby`."""
    command = ["sidekiq", "-r", str(HERE / "app.rb"), "-q", "ruby", "-c", "3"]
    with (tmp_path / "sidekiq.log").open("wb") as log:
        process = subprocess.Popen(command, env=env, stdout=log, stderr=log)
    try:
        wait_until(lambda: backend.raw.smembers("processes"), timeout=30, what="Ruby's worker to be listed")
        yield process
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()
        backend.raw.delete(
            *backend.raw.keys("test:*"), "processes", "process_cleanup", *backend.raw.keys(f"*:{process.pid}:*")
        )


@pytest.fixture
def start(client: Shiftboss) -> Iterator[Callable[..., Worker]]:
    """Starts our workers."""
    jobs.gate.clear()
    workers: list[Worker] = []

    def make(*queues: str) -> Worker:
        worker = Worker(client, queues or ("python",), concurrency=3, timeout=5)
        workers.append(worker)
        worker.start()
        return worker

    yield make
    jobs.gate.set()
    for worker in workers:
        worker.stop()


@pytest.fixture
def notes(backend: Backend) -> Callable[[], list[Any]]:
    """What jobs wrote down, in order."""
    return lambda: [json.loads(line) for line in backend.raw.lrange("test:notes", 0, -1)]


@pytest.fixture
def web(env: dict[str, str], backend: Backend, tmp_path: Path) -> Iterator[str]:
    """Sidekiq's web pages; their address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["rackup", "-q", "-s", "webrick", "-o", "127.0.0.1", "-p", str(port), str(HERE / "web.ru")]
    with (tmp_path / "web.log").open("wb") as log:
        process = subprocess.Popen(command, env=env, stdout=log, stderr=log)
    try:

        def listens() -> bool:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return True
            return False

        wait_until(listens, timeout=30, what="the web pages")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()
