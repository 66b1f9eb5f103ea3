"""The jobs that this process can run, by the name that payloads call them.

A job is in here once the module that defines it has been imported; a name in a payload is looked up, never imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from shiftboss.engines.sidekiq.definition import Definition
from shiftboss.errors import ConfigError
from shiftboss.trusted import trust

_definitions: dict[str, Definition] = {}


def register(definition: Definition) -> None:
    """Make a job known. The same one again, as a reload defines it, takes the place of the first. No round trip.

    Raises:
        ConfigError: Another job has the name already; the message says where both are defined.
    """
    known = _definitions.setdefault(definition.name, definition)
    if known.origin != definition.origin:
        raise ConfigError(
            f"two jobs are called {definition.name!r}: {known.origin} and {definition.origin}; give one another name"
        )
    _definitions[definition.name] = definition
    trust(definition.module)


def find(name: str) -> Definition | None:
    """The job of that name, or None if none was imported. No round trip."""
    return _definitions.get(name)


def registered() -> Mapping[str, Definition]:
    """All jobs by name; a view that follows. No round trip."""
    return MappingProxyType(_definitions)
