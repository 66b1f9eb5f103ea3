"""Waiting in the wrong place: a thread that runs an event loop must not be kept by a sync wait."""

from __future__ import annotations

import sys
import warnings


def warn_in_event_loop(what: str, instead: str) -> None:
    """Warn, once for each place in the user's code, if an event loop runs on this thread.

    Args:
        what: The sync wait, such as ``join()``.
        instead: What to write in a coroutine.
    """
    asyncio = sys.modules.get("asyncio")
    if asyncio is None or asyncio._get_running_loop() is None:
        return
    frame, depth = sys._getframe(), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("shiftboss."):
        frame, depth = frame.f_back, depth + 1
    warnings.warn(f"{what} blocks the running event loop; use `{instead}`", RuntimeWarning, stacklevel=depth)
