"""Arguments of jobs as they are shown, or hidden."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

Redact = bool | Callable[[str, Sequence[Any]], Any]
HIDDEN = "hidden"
_log = logging.getLogger("shiftboss.web")


def arguments(redact: Redact, name: str, args: Sequence[Any]) -> str:
    """The arguments as JSON, as far as they may be seen. What fails to say so hides them.

    Args:
        redact: Whether they are hidden, or a function of the job's name and its arguments that returns what is shown.
        name: What the job is called.
        args: Its arguments.

    Example:
        >>> arguments(False, "mail", ["ada@example.com", 7]), arguments(True, "mail", ["ada@example.com"])
        ('"ada@example.com", 7', 'hidden')
        >>> arguments(lambda name, args: ["…", *args[1:]], "mail", ["ada@example.com", 7])
        '"…", 7'
    """
    if redact is True:
        return HIDDEN
    try:
        shown = redact(name, args) if callable(redact) else args
        if not isinstance(shown, (list, tuple)):
            return str(shown)
        return ", ".join(msgspec.json.encode(one).decode() for one in shown)
    except Exception:  # noqa: BLE001  whatever it raises
        _log.exception("the arguments of %r are hidden: redact failed", name)
        return HIDDEN
