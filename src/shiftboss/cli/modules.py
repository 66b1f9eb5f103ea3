"""Loading the modules that define jobs, as `shiftboss worker --require` names them."""

from __future__ import annotations

import os
import sys
import traceback
from importlib import import_module
from pathlib import Path

from shiftboss.cli.command import Misuse
from shiftboss.trusted import trust


def load(module: str) -> None:
    """Import a module, from the current directory too, and let the callbacks that live in it be called.

    Raises:
        Misuse: It is named by its file, or cannot be imported; then the message has its own error.
    """
    if module.endswith(".py") or os.sep in module:
        name = module.removesuffix(".py").removeprefix(f".{os.sep}").replace(os.sep, ".")
        raise Misuse(f"--require takes the name of a module, not its file: --require {name}")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        import_module(module)
    except Exception as error:
        raise Misuse(f"cannot import {module}: {type(error).__name__}: {error}{_place(error)}") from error
    except SystemExit as error:
        raise Misuse(f"cannot import {module}: it calls sys.exit({error.code!r})") from error
    trust(module)


def _place(error: Exception) -> str:
    """Where it happened, if that was in code that the import ran."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename != __file__ and "importlib" not in frame.filename
    ]
    return f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
