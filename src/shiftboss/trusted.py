"""Which modules callbacks may live in: those that were chosen at start-up. A string in Redis imports nothing."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec

from shiftboss.errors import ConfigError

ANY = "*"
_trusted: set[str] = set()
_named: set[str] = set()


def trust(module: str) -> None:
    """Let callbacks be called that live in this module's top-level package. Importing a job from it, and a worker's
    ``--require``, do so: a string in Redis can name only code that was chosen at start-up.
    """
    _trusted.add(module.partition(".")[0])


def trust_modules(modules: Sequence[str]) -> None:
    """Let callbacks be called that live in these modules' top-level packages. They are imported when a callback is first
    looked for: most of them import the very module that names them here.

    Raises:
        ConfigError: There is no such module.
    """
    if isinstance(modules, str):
        raise ConfigError(f"expected callback_modules to be names of modules in a list, got {modules!r}")
    for module in modules:
        try:
            found = find_spec(module)
        except (ImportError, ValueError) as error:
            raise ConfigError(f"callback module {module!r} cannot be imported: {error}") from None
        if found is None:
            raise ConfigError(f"callback module {module!r} cannot be imported: there is none of that name")
    _named.update(modules)


def trust_any() -> None:
    """Let callbacks be called of whatever module, which is imported for them: for an engine that imports what a job names."""
    _trusted.add(ANY)


def is_trusted(module: str) -> bool:
    """Whether callbacks of this module may be called here.

    Raises:
        ImportError: A module that was named for callbacks cannot be imported.
    """
    if not _is_loaded(module):
        for name in list(_named):
            import_module(name)
            trust(name)
            _named.discard(name)
    return _is_loaded(module)


def _is_loaded(module: str) -> bool:
    return (module in sys.modules and module.partition(".")[0] in _trusted) or ANY in _trusted
