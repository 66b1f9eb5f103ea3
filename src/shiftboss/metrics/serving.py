"""Showing metrics to Prometheus from a small server of this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import REGISTRY, CollectorRegistry, start_http_server
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from shiftboss.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

LOOPBACK = "127.0.0.1"
MOST_PORT = 65_535


def serve(where: str | int, registry: CollectorRegistry = REGISTRY) -> Callable[[], None]:
    """Answer Prometheus from a thread of this process.

    Args:
        where: A port of this machine, ``9394``, or an address and a port, ``0.0.0.0:9394``.
        registry: What is shown.

    Returns:
        A function that ends it.

    Raises:
        ConfigError: That is no address, or it cannot be listened on.
    """
    host, port = address_of(where)
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        raise ConfigError(f"metrics cannot be served at {host}:{port}: {error.strerror or error}") from error

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join(1.0)

    return stop


def address_of(where: str | int) -> tuple[str, int]:
    """A host and a port; without a host it is this machine.

    Raises:
        ConfigError: It is neither.
    """
    host, _, port = str(where).rpartition(":")
    if not (port.isascii() and port.isdigit() and 0 <= int(port) <= MOST_PORT):
        raise ConfigError(f"expected where metrics are served to be like 9394 or 0.0.0.0:9394, got {where!r}")
    return host.strip("[]") or LOOPBACK, int(port)


def exposition(registry: CollectorRegistry = REGISTRY) -> tuple[bytes, str]:
    """What Prometheus reads, and its content type, for a web framework to answer with."""
    return generate_latest(registry), CONTENT_TYPE_LATEST
