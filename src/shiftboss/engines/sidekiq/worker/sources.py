"""Noticing that Python sources have changed."""

from __future__ import annotations

import os
from pathlib import Path

SKIPPED = frozenset({"__pycache__", "node_modules"})


class Sources:
    """The Python files below a directory, without those of environments and hidden directories.

    Args:
        directory: Where to look.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._times = self._look()

    def changed(self) -> bool:
        """Whether a file came, went or was written since this was asked last."""
        before, self._times = self._times, self._look()
        return before != self._times

    def _look(self) -> dict[str, int]:
        times: dict[str, int] = {}
        for folder, folders, files in os.walk(self._directory):
            if "pyvenv.cfg" in files:
                folders.clear()
                continue
            folders[:] = [name for name in folders if name not in SKIPPED and not name.startswith(".")]
            for name in files:
                if name.endswith(".py"):
                    path = Path(folder, name)
                    try:
                        times[str(path)] = path.stat().st_mtime_ns
                    except FileNotFoundError:
                        continue
        return times
