"""The version of what is in Redis. A worker writes down the one it knows, and starts where no newer one was written down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shiftboss import keys
from shiftboss.errors import ConfigError
from shiftboss.plan import Plan, run
from shiftboss.scripts import Call, command

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss


def claim_layout(client: Shiftboss) -> Plan[None]:
    """Write this release's version down. Two round trips the first time, then one.

    Raises:
        ConfigError: A newer release was here, and this one would misread what it wrote.
    """
    there = yield from run(layout(client))
    if there > keys.LAYOUT:
        raise ConfigError(
            f"namespace {client.namespace!r} is in layout {there}, written by a newer release of shiftboss, and this one knows "
            f"layout {keys.LAYOUT}; upgrade it, or give it another namespace"
        )
    if there < keys.LAYOUT:
        yield from run(command("SET", [keys.layout(client.namespace)], [keys.LAYOUT], bool))


def layout(client: Shiftboss) -> Call[int]:
    """The version that was written down; 0 where no worker has been."""
    return command("GET", [keys.layout(client.namespace)], [], lambda reply: int(reply or 0))
