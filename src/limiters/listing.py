"""All limiters that are in use, and making one again from what the list says of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import fields

from shiftboss.client import Shiftboss, current_client
from shiftboss.errors import ConfigError
from shiftboss.plan import Plan

from .base import Limiter
from .bucket import BucketLimiter
from .concurrent import ConcurrentLimiter
from .dripping import LeakyLimiter, PointsLimiter
from .registry import Listed, listed, page, unregister
from .window import WindowLimiter

KINDS: Mapping[str, type[Limiter]] = {
    kind.kind: kind for kind in (ConcurrentLimiter, BucketLimiter, WindowLimiter, LeakyLimiter, PointsLimiter)
}


def all(text: str = "", *, client: Shiftboss | None = None) -> Iterator[Limiter]:  # noqa: A001  limiters.all()
    """Every limiter that is in use, in no order. One round trip for each 500; the keyspace is not scanned.

    Args:
        text: Only those with this in their name.
        client: Whose Redis; default the current client.

    Example:
        >>> from shiftboss import Shiftboss, limiters
        >>> with Shiftboss("fake://all"):
        ...     with limiters.bucket("github", 5000, "hour").within_limit():
        ...         [limiter.name for limiter in limiters.all()]
        ['github']
    """
    client = client or current_client()
    for one in entries(text, client):
        yield restore(one, client)


async def aall(text: str = "", *, client: Shiftboss | None = None) -> AsyncIterator[Limiter]:
    """As `all`, for coroutines."""
    client, cursor, more = client or current_client(), "", True
    while more:
        cursor, found = await client.aperform(page(client, cursor))
        for one in found:
            if text in one.name:
                yield restore(one, client)
        more = bool(cursor)


def find(name: str, *, client: Shiftboss | None = None) -> Limiter | None:
    """The limiter of a name, or None if none is in use. One round trip.

    Args:
        name: All of its name.
        client: Whose Redis; default the current client.
    """
    client = client or current_client()
    found = client.perform(listed(client, name))
    return None if found is None else restore(found, client)


async def afind(name: str, *, client: Shiftboss | None = None) -> Limiter | None:
    """As `find`, for coroutines."""
    client = client or current_client()
    found = await client.aperform(listed(client, name))
    return None if found is None else restore(found, client)


def entries(text: str, client: Shiftboss) -> Iterator[Listed]:
    """What the list says of each."""
    cursor, more = "", True
    while more:
        cursor, found = client.perform(page(client, cursor))
        yield from (one for one in found if text in one.name)
        more = bool(cursor)


def restore(entry: Listed, client: Shiftboss) -> Limiter:
    """The limiter that an entry describes.

    Raises:
        ConfigError: Its kind is not known to this release.
    """
    kind = KINDS.get(entry.kind)
    if kind is None:
        raise ConfigError(f"limiter {entry.name!r} is of the kind {entry.kind!r}, which this release does not know")
    known = {field.name for field in fields(kind)}
    # A newer release may say more of it.
    said = {name: value for name, value in entry.definition.items() if name in known}
    return kind(**{**said, "name": entry.name, "client": client})


def remove(limiter: Limiter, *, client: Shiftboss | None = None) -> None:
    """Forget a limiter: what was taken and counted of it, and that it is there. Three round trips; who uses it brings it back.

    Raises:
        ConfigError: A name, say; `find` has its limiter.
    """
    client = client or _check(limiter).client or current_client()
    client.perform(_remove(limiter, client))


async def aremove(limiter: Limiter, *, client: Shiftboss | None = None) -> None:
    """As `remove`, for coroutines."""
    client = client or _check(limiter).client or current_client()
    await client.aperform(_remove(limiter, client))


def _check(limiter: Limiter) -> Limiter:
    if not isinstance(limiter, Limiter):
        raise ConfigError(f"expected a limiter to remove, as limiters.find(name) has it, got {limiter!r}")
    return limiter


def _remove(limiter: Limiter, client: Shiftboss) -> Plan[None]:
    yield from limiter.forget(client)
    yield from limiter.forget_counts(client)
    yield from unregister(client, limiter.name)
