"""Names of files, which are bytes: as text that gives them back, and as text for people."""

from __future__ import annotations

import os
from urllib.parse import quote_from_bytes, unquote_to_bytes


def quoted(name: bytes) -> str:
    """As in a URL: ASCII, and the very same bytes when it is taken back.

    Example:
        >>> quoted(b"caf\\xe9 1.txt")
        'caf%E9%201.txt'
    """
    return quote_from_bytes(name, safe="/")


def unquoted(text: str) -> bytes:
    """The name that was quoted."""
    return unquote_to_bytes(text)


def joined(folder: bytes, name: bytes) -> bytes:
    """A name in a folder. `Path` holds no bytes."""
    return os.path.join(folder, name)  # noqa: PTH118


def shown(name: bytes) -> str:
    """For people: bytes that are not UTF-8 become question marks."""
    return name.decode("utf-8", "replace")


def described(field: str, name: bytes) -> dict[str, str]:
    """A name as a manifest has it: readable, and quoted besides where that would lose something.

    Example:
        >>> described("path", b"a b.txt")
        {'path': 'a b.txt'}
    """
    text = shown(name)
    return {field: text} if text.encode() == name else {field: text, f"{field}_quoted": quoted(name)}
