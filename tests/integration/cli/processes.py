"""Commands as processes of their own, and the processes that they leave."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SHIFTBOSS = [sys.executable, "-m", "shiftboss.cli"]
MARK = "SHIFTBOSS_TEST_MARK"
TIMEOUT = 50
_ESCAPE = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")


def run(*words: str | Path, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    command = [*SHIFTBOSS, *map(str, words)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=TIMEOUT, cwd=cwd, env={**os.environ, **env}, check=False
    )


@contextmanager
def running(*words: str | Path, cwd: Path | None = None, **env: str) -> Iterator[subprocess.Popen[str]]:
    """The command at work; killed at the end if it has not ended."""
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen([*SHIFTBOSS, *map(str, words)], text=True, cwd=cwd, env={**os.environ, **env}, **pipes)
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=TIMEOUT)


class Family:
    """The processes that inherited a mark in their environment, found by it wherever they went."""

    def __init__(self) -> None:
        self.env = {MARK: secrets.token_hex(8)}

    def members(self, word: str = "") -> dict[int, str]:
        """Ids and command lines of those that live, with this in the line."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if self.env[MARK].encode() in (folder / "environ").read_bytes():
                    line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
                    found |= {int(folder.name): line} if word in line else {}
            except OSError:
                continue
        return found


def at_terminal(*words: str | Path, columns: int = 80, **env: str) -> bytes:
    """What the command writes to a terminal of that width."""
    import fcntl
    import pty
    import struct
    import termios

    near, far = pty.openpty()
    fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    base = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "LINES")}
    with subprocess.Popen(
        [*SHIFTBOSS, *map(str, words)],
        stdin=far,
        stdout=far,
        stderr=far,
        env={**base, "TERM": "xterm-256color", **env},
    ) as process:
        os.close(far)
        written = b"".join(iter(lambda: _read(near), b""))
        process.wait(TIMEOUT)
    os.close(near)
    return written


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # how Linux says that the other end is closed
        return b""


def plain(written: bytes) -> list[str]:
    """The lines without colours and movements; a line that was drawn over is one of its own."""
    return _ESCAPE.sub(b"", written).decode().replace("\r\n", "\n").replace("\r", "\n").splitlines()
