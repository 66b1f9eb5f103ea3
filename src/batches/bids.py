"""Batch ids: 16 URL-safe characters, the first two of which name the shard."""

from __future__ import annotations

import re
import secrets

_BID = re.compile(r"[0-9a-f]{2}[A-Za-z0-9_-]{14}")


def new_bid(shard: str | None = None) -> str:
    """An id that no other batch has, in a shard or in any."""
    return (shard or f"{secrets.randbelow(256):02x}") + secrets.token_urlsafe(11)[:14]


def is_bid(text: object) -> bool:
    """Whether this could be a batch's id."""
    return isinstance(text, str) and _BID.fullmatch(text) is not None
