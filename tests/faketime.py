"""A server whose clock can be set, by libfaketime: ``with ClockedServer(embedded_binary()) as server: server.set_clock(-3600)``.

Debian's redis-server does not start under libfaketime (its allocator asks for the time before it is ready); the embedded one does.
"""

from __future__ import annotations

import shlex
import tempfile
from pathlib import Path

from tests.servers import ServerProcess, require

LIBRARIES = (
    "/usr/lib/*/faketime/libfaketime.so.1",
    "/usr/lib/faketime/libfaketime.so.1",
    "/usr/local/lib/faketime/*.so.1",
)


def faketime_library() -> Path:
    """Where libfaketime is; a test that needs it skips where it is not."""
    found = (path for pattern in LIBRARIES for path in sorted(Path("/").glob(pattern.removeprefix("/"))))
    return require(next(found, None), "no libfaketime; apt-get install faketime")


class ClockedServer(ServerProcess):
    """A server on a Unix socket with a clock of its own. Intervals are true: only the time of day is set."""

    def __init__(self, binary: Path, *args: str) -> None:
        self._place = tempfile.TemporaryDirectory(prefix="sbt-clock-")
        folder = Path(self._place.name)
        self._offset = folder / "offset"
        self.set_clock(0)
        script = folder / "server"
        settings = {
            "LD_PRELOAD": faketime_library(),
            "FAKETIME_TIMESTAMP_FILE": self._offset,
            "FAKETIME_NO_CACHE": 1,
            "FAKETIME_DONT_FAKE_MONOTONIC": 1,
        }
        words = [f"{name}={shlex.quote(str(value))}" for name, value in settings.items()]
        script.write_text(f'#!/bin/sh\nexec env {" ".join(words)} {shlex.quote(str(binary))} "$@"\n')
        script.chmod(0o755)
        super().__init__(script, *args, unix=True)

    def set_clock(self, seconds: float) -> None:
        """Let its time of day be so many seconds off ours."""
        self._offset.write_text(f"{seconds:+.0f}")

    def stop(self) -> None:
        super().stop()
        self._place.cleanup()
