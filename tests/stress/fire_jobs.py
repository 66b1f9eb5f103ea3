"""Jobs that leave a line each, in a worker that may be told to kill itself at a named point."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from shiftboss import job
from shiftboss.engines.sidekiq.worker.fetcher import Fetcher
from shiftboss.engines.sidekiq.worker.hold import Hold
from shiftboss.engines.sidekiq.worker.runner import Runner
from shiftboss.engines.sidekiq.worker.settler import Settler

# A point: where it is, and whether the process dies before or after it.
POINTS = {
    "before a fetch": (Fetcher, "_step", True),
    "between fetch and run": (Runner, "take", True),
    "while jobs begin": (Runner, "take", False),
    "between run and acknowledgement": (Hold, "end", False),
    "before an acknowledgement": (Settler, "_try", True),
    "after an acknowledgement": (Settler, "_try", False),
}


def arm(point: str, after: int) -> None:
    """Kill this process when it comes to the point so often."""
    kind, name, before = POINTS[point]
    usual: Callable[..., Any] = getattr(kind, name)
    left = after

    def come() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    @wraps(usual)
    def deadly(*args: Any, **kwargs: Any) -> Any:
        if before:
            come()
        result = usual(*args, **kwargs)
        if not before:
            come()
        return result

    setattr(kind, name, deadly)


if "FIRE_POINT" in os.environ:
    arm(os.environ["FIRE_POINT"], int(os.environ["FIRE_AFTER"]))


@job(name="line", queue="fire", retry=2)
def line(path: str, number: int) -> None:
    with Path(path).open("a", encoding="ascii") as file:
        file.write(f"{number}\n")


@job(name="wild", queue="fire", retry=0)
def wild(how: str) -> None:
    """What no job should do."""
    if how == "exit":
        sys.exit(3)
    elif how == "recurse":
        wild(how)
    elif how == "memory":
        raise MemoryError
    elif how == "interrupt":
        raise KeyboardInterrupt
    elif how == "stop iteration":
        raise StopIteration
    elif how == "read":
        sys.stdin.readline()
        raise EOFError
    elif how == "print":
        print("\x00\ud800".encode("utf-8", "surrogatepass"), file=sys.stderr)
        raise ValueError("\ud800")
    elif how == "process":
        subprocess.run([sys.executable, "-c", "import os, sys; os.kill(os.getpid(), 9)"], check=True)


@job(name="die", queue="fire", retry=2)
def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
