"""Everything below a directory: files to hash, and what is left out with the reason."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from shiftboss.cli.demo.names import joined

FILE = "file"
DIRECTORY = "directory"
_KINDS = {
    stat.S_IFREG: FILE,
    stat.S_IFDIR: DIRECTORY,
    stat.S_IFLNK: "symbolic link",
    stat.S_IFIFO: "FIFO",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "character device",
    stat.S_IFBLK: "block device",
}


@dataclass(frozen=True, slots=True)
class Found:
    """Something below the directory.

    Args:
        path: From the directory on, as bytes.
        kind: ``file`` or what else it is.
        reason: Why it is left out; empty for a file.
        target: Where a symbolic link leads.
    """

    path: bytes
    kind: str
    reason: str = ""
    target: bytes | None = None


def walk(root: bytes) -> Iterator[Found]:
    """All regular files below a directory, and all that is left out, in the order of their names.

    Symbolic links are not followed, and nothing is opened but directories.
    """
    waiting = [b""]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(joined(root, folder)) as scan:
                entries = sorted(scan, key=lambda entry: entry.name)
        except OSError as error:
            yield Found(folder or b".", DIRECTORY, f"cannot be listed: {error.strerror}")
            continue
        folders = []
        for entry in entries:
            found = _look(entry, joined(folder, entry.name))
            if found.kind == DIRECTORY and not found.reason:
                folders.append(found.path)
            else:
                yield found
        waiting += reversed(folders)


def _look(entry: os.DirEntry[bytes], path: bytes) -> Found:
    try:
        if entry.is_file(follow_symlinks=False):
            return Found(path, FILE)
        if entry.is_dir(follow_symlinks=False):
            return Found(path, DIRECTORY)
        if entry.is_symlink():
            return Found(path, "symbolic link", "not followed", os.readlink(entry.path))  # noqa: PTH115
        kind = _KINDS.get(stat.S_IFMT(entry.stat(follow_symlinks=False).st_mode), "special file")
        return Found(path, kind, "never opened")
    except OSError as error:
        return Found(path, FILE, f"cannot be looked at: {error.strerror}")
