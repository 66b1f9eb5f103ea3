"""Which modules callbacks may live in: those that were chosen at start-up. A string in Redis imports nothing."""

from __future__ import annotations

import sys

ANY = "*"
_trusted: set[str] = set()


def trust(module: str) -> None:
    """Let callbacks be called that live in this module's top-level package. Importing a job from it, and a worker's
    ``--require``, do so: a string in Redis can name only code that was chosen at start-up.
    """
    _trusted.add(module.partition(".")[0])


def trust_any() -> None:
    """Let callbacks be called of whatever module, which is imported for them: for an engine that imports what a job names."""
    _trusted.add(ANY)


def is_trusted(module: str) -> bool:
    """Whether callbacks of this module may be called here."""
    return (module in sys.modules and module.partition(".")[0] in _trusted) or ANY in _trusted
