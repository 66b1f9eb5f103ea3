"""Callbacks: how one is named, checked, found again and called.

A callback is named by ``"module:Class"``, ``"module:Class.method"`` or ``"module:function"``, or given as the object itself,
or is a job of the engine. What is stored is the name; it is resolved where it runs, among modules that were loaded there.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pkgutil import resolve_name
from typing import Any

import msgspec

from shiftboss.errors import BatchError, ConfigError
from shiftboss.jobs import Message
from shiftboss.trusted import is_trusted

EVENTS = ("complete", "success", "death", "finished")
OPTIONS_LIMIT = 64 * 1024
JOB = "job:"


@dataclass(frozen=True, slots=True)
class Callback:
    """What is called when an event happens.

    Args:
        target: ``module:Class``, ``module:Class.method``, ``module:function``, or ``job:`` and the name of a job.
        options: A JSON object that it is given.
        queue: The job's own queue; empty for what is no job.
        args: What a job is given instead of the batch's id and the options; None for those.
        carried: What else the job's message carries, such as how often it is retried.
    """

    target: str
    options: Mapping[str, Any]
    queue: str = ""
    args: Sequence[Any] | None = None
    carried: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """What is stored; only what is said."""
        stored: dict[str, Any] = {"target": self.target, "options": self.options}
        if self.args is not None:
            stored["args"] = self.args
        stored |= {name: value for name, value in (("queue", self.queue), ("carried", self.carried)) if value}
        return msgspec.json.encode(stored).decode()

    @classmethod
    def from_json(cls, text: str) -> Callback:
        return cls(**msgspec.json.decode(text))


def callback_of(event: str, target: object, options: object, bid: str, *, check: bool) -> Callback:
    """What is stored for a callback; a job with its own queue and options.

    Raises:
        ConfigError: As `name_of` and `check_options`; a class that has no method for the event.
        JobError: A job that does not take a batch's id and the options. One with arguments of its own, a `Message`, need not.
    """
    checked = check_options(options)
    if isinstance(target, Message):
        return Callback(f"{JOB}{target.name}", checked, target.queue, target.args, target.options)
    if not (hasattr(target, "job_name") and hasattr(target, "call")):
        name = name_of(target, check=check)
        if inspect.isclass(target) or (check and not name.startswith(JOB)):
            _check_method(resolve_name(name), name, event)
        return Callback(name, checked)
    message = target.call(bid, checked)
    return Callback(f"{JOB}{message.name}", checked, message.queue, None, message.options)


def name_of(target: object, *, check: bool = True) -> str:
    """The name a callback is stored by.

    Args:
        target: A name, a module-level function, a class, a class's method, or a job.
        check: Whether a name must resolve here and now.

    Raises:
        ConfigError: It has no name by which another process could find it, or nothing has that name.
    """
    job = getattr(target, "job_name", None)
    if job is not None and hasattr(target, "perform_async"):
        return f"{JOB}{job}"
    if not isinstance(target, str):
        return _name_of_object(target)
    name = target.replace("#", ".")
    if ":" not in name:
        raise ConfigError(f"expected a callback like 'module:Class.method', got {target!r}")
    if check:
        try:
            found = resolve_name(name)
        except (ImportError, AttributeError, ValueError) as error:
            raise ConfigError(
                f"callback {target!r} cannot be imported: {error}; check=False skips this check"
            ) from None
        if not callable(found):
            raise ConfigError(f"callback {target!r} is {found!r}, which cannot be called")
    return name


def check_options(options: object) -> Mapping[str, Any]:
    """The options of a callback, if they are a JSON object that comes back as it went.

    Raises:
        ConfigError: They are not, or are larger than 64 KiB as JSON.
    """
    if not isinstance(options, dict):
        raise ConfigError(f"expected callback options to be a dict with string keys, got {options!r}")
    try:
        text = msgspec.json.encode(options)
        same = msgspec.json.decode(text) == options
    except (TypeError, ValueError, msgspec.MsgspecError) as error:
        raise ConfigError(f"callback options are not JSON: {error}, in {options!r}") from None
    if not same:
        raise ConfigError(f"callback options would come back changed by JSON: {options!r}")
    if len(text) > OPTIONS_LIMIT:
        raise ConfigError(f"callback options are {len(text)} bytes of JSON; at most {OPTIONS_LIMIT} are kept")
    return options


def check_event(event: str) -> str:
    """The event, if there is one of that name.

    Raises:
        ConfigError: There is not.
    """
    if event not in EVENTS:
        raise ConfigError(f"expected an event of {', '.join(EVENTS)}, got {event!r}")
    return event


def find(name: str) -> Callable[..., Any]:
    """The object that a stored name names, in a process that was started to run it.

    Raises:
        BatchError: Its module was not loaded here, or has nothing of that name.
    """
    module, _, path = name.partition(":")
    try:
        if not is_trusted(module):
            raise BatchError(
                f"callback {name!r} is of a module that this worker has not loaded; start shiftboss worker with "
                f"--require {module}, or where another engine runs the jobs, call install(..., callback_modules=[{module!r}])"
            )
        found: Any = import_module(module)
    except ImportError as error:
        raise BatchError(f"callback {name!r} cannot be imported here: {error}") from error
    for part in path.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise BatchError(f"callback {name!r}: module {module} has no {path} that can be called")
    return found  # type: ignore[no-any-return]


def call(callback: Callback, event: str, status: Any) -> Any:
    """Call it: a class as ``Class().on_<event>``, a method on a new instance, a function as it is."""
    target = find(callback.target)
    owner_name, _, name = callback.target.rpartition(".")
    owner: Any = find(owner_name) if ":" in owner_name else None
    if inspect.isclass(target):
        owner, name = target, f"on_{event}"
    if not inspect.isclass(owner):
        return target(status, dict(callback.options))
    found = inspect.getattr_static(owner, name, None)
    if found is None:
        raise BatchError(f"callback {callback.target!r} has no method {name}")
    home = owner if isinstance(found, (staticmethod, classmethod)) else owner()
    return getattr(home, name)(status, dict(callback.options))


def _check_method(target: object, name: str, event: str) -> None:
    if inspect.isclass(target) and inspect.getattr_static(target, f"on_{event}", None) is None:
        raise ConfigError(
            f"callback {name} is a class without on_{event}; add that method, or name another: '{name}.method'"
        )


def _name_of_object(target: object) -> str:
    module, path = getattr(target, "__module__", None), getattr(target, "__qualname__", None)
    if not callable(target) or not module or not path:
        raise ConfigError(f"expected a callback to be a name, a function, a class, a method or a job, got {target!r}")
    if "<lambda>" in path or "<locals>" in path:
        raise ConfigError(
            f"callback {path} of {module} is a lambda or a nested function; another process cannot find it by name"
        )
    if module == "__main__":
        raise ConfigError(f"callback {path} is in __main__; a worker cannot import it from there: move it to a module")
    name = f"{module}:{path}"
    try:
        found = resolve_name(name)
    except (ImportError, AttributeError):
        found = None
    if found is not target and found != target:
        raise ConfigError(
            f"callback {target!r} is not what {name} names; give a module-level function, a class or its method"
        )
    return name
