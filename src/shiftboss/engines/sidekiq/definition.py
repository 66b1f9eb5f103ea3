"""What a process knows of a job that it can run, and what the job is called."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shiftboss.engines.sidekiq.options import JobOptions
from shiftboss.engines.sidekiq.signature import Parameters
from shiftboss.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Definition:
    """A job as this process defines it, from a function or a class.

    Args:
        name: What payloads call it.
        origin: Where it is defined, ``module.QualName``.
        module: The module part of that.
        options: How it is pushed, unless said otherwise, and what becomes of it when it fails.
        run: Takes the positional arguments of a payload; returns what the job returns, a coroutine if `is_async`.
        is_async: Whether it runs on an event loop.
        parameters: What it takes.
        retry_in: Count of failures before this one and the error; seconds until the next try, or None for the usual.
        exhausted: The job and its last error, when it will not run again.
    """

    name: str
    origin: str
    module: str
    options: JobOptions
    run: Callable[..., Any]
    is_async: bool
    parameters: Parameters
    retry_in: Callable[[int, BaseException], Any] | None = None
    exhausted: Callable[[Any, BaseException], Any] | None = None


def define(
    source: Any,
    options: JobOptions,
    *,
    perform: Callable[..., Any],
    run: Callable[..., Any],
    retry_in: Callable[[int, BaseException], Any] | None = None,
    exhausted: Callable[[Any, BaseException], Any] | None = None,
) -> Definition:
    """The definition of a job; it is not registered. No round trip.

    Args:
        source: The function or class that the job is named after.
        options: What was said at its definition.
        perform: What has the parameters: the function, or the bound method.
        run: As in `Definition`.
        retry_in: As in `Definition`.
        exhausted: As in `Definition`.

    Raises:
        ConfigError: It is a generator, or has parameters that no position reaches.
    """
    module = module_of(source)
    origin = f"{module}.{source.__qualname__}"
    name = options.name or origin
    if inspect.isgeneratorfunction(perform) or inspect.isasyncgenfunction(perform):
        raise ConfigError(f"{name}: expected a function that returns, got a generator, whose body would never run")
    return Definition(
        name,
        origin,
        module,
        options,
        run,
        inspect.iscoroutinefunction(perform),
        Parameters(name, perform),
        retry_in,
        exhausted,
    )


def module_of(source: Any) -> str:
    """The module that other processes find a function or class in.

    What runs as a program is called ``__main__`` there; its jobs are named after the file or the ``-m`` module, so that
    ``python app.py`` pushes what ``shiftboss worker --require app`` runs. A prompt has no file: there it stays ``__main__``.
    """
    module: str = source.__module__
    if module != "__main__":
        return module
    main = sys.modules["__main__"]
    spec = getattr(main, "__spec__", None)
    if spec is not None:
        return str(spec.name)
    return _module_of_file(getattr(main, "__file__", None)) or module


def _module_of_file(file: str | None) -> str | None:
    if file is None:
        return None
    path = Path(file).resolve()
    names = [path.stem]
    for folder in path.parents:
        if not (folder / "__init__.py").exists():
            break
        names.insert(0, folder.name)
    return ".".join(names) if path.suffix == ".py" and all(map(str.isidentifier, names)) else None
