"""SHA-256 of one file."""

from __future__ import annotations

import errno
import hashlib
import os
import stat

PIECE = 256 * 1024
# What was a file may have become a FIFO or a link since it was found: neither wait for one nor follow the other.
_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


def hash_of(path: bytes) -> tuple[int, str]:
    """Size and SHA-256 of a regular file.

    Raises:
        OSError: It cannot be read, is gone, or is no regular file any more.
    """
    try:
        descriptor = os.open(path, _FLAGS)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            raise _changed() from None
        raise
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _changed()
        digest, size = hashlib.sha256(), 0
        while piece := os.read(descriptor, PIECE):
            digest.update(piece)
            size += len(piece)
        return size, digest.hexdigest()
    finally:
        os.close(descriptor)


def _changed() -> OSError:
    return OSError(errno.EINVAL, "is no regular file any more")
