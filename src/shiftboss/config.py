"""Settings: where the state lives and how long a call may take.

Sources, the first that says something wins: arguments, ``SHIFTBOSS_*`` in the environment, ``REDIS_URL``, the default.
"""

from __future__ import annotations

import difflib
import math
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any

from shiftboss.errors import ConfigError

DEFAULT_URL = "redis://localhost:6379/0"
LONGEST_TIMEOUT = 60.0
_NAMESPACE = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a client needs to know. Build it with `Settings.load`, which also reads the environment.

    Args:
        url: Where Redis is: ``redis://``, ``rediss://`` (TLS), ``unix://``,
            ``redis+sentinel://host:port[,host:port]/service[/db]``, ``redis+cluster://host:port[,host:port]``,
            ``embedded://`` (a private real server) or ``fake://`` (in this process).
        namespace: What every key of Shiftboss' own begins with.
        timeout: Seconds within which a call to Redis is answered or reported as failed, resends included.
        skip_invalidated: Whether members of invalidated batches that have not started are left out. On engines other than the
            built-in one this costs a round trip at each start.
    """

    url: str = DEFAULT_URL
    namespace: str = "sb"
    timeout: float = 5.0
    skip_invalidated: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.url, str) or "://" not in self.url:
            shown = self.url.rpartition("@")[2] if isinstance(self.url, str) else self.url
            raise ConfigError(f"expected url to be like {DEFAULT_URL}, got {shown!r}")
        if not isinstance(self.namespace, str) or not _NAMESPACE.fullmatch(self.namespace):
            raise ConfigError(
                f"expected namespace to be 1 to 64 letters, digits or any of - _ . :, got {self.namespace!r}"
            )
        check_seconds("timeout", self.timeout, at_most=LONGEST_TIMEOUT)
        if not isinstance(self.skip_invalidated, bool):
            raise ConfigError(f"expected skip_invalidated to be True or False, got {self.skip_invalidated!r}")

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None, **given: Any) -> Settings:
        """The settings given, completed from the environment.

        Args:
            environ: The environment to read; default the process' own.
            given: Any field of `Settings`; None counts as not given.

        Raises:
            ConfigError: For an unknown name or a value that cannot be right.

        Example:
            >>> Settings.load({"REDIS_URL": "redis://db:6379/1"}, namespace="app").url
            'redis://db:6379/1'
        """
        environ = os.environ if environ is None else environ
        known = [field.name for field in fields(cls)]
        check_known("setting", given, known)
        values = {name: value for name, value in given.items() if value is not None}
        for name in known:
            variable = f"SHIFTBOSS_{name.upper()}"
            if name not in values and environ.get(variable):
                read = _FROM_TEXT.get(name)
                values[name] = read(variable, environ[variable]) if read else environ[variable]
        if "url" not in values and environ.get("REDIS_URL"):
            values["url"] = environ["REDIS_URL"]
        return cls(**values)


def check_known(what: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Refuse names that are not known, and say which known one was probably meant.

    Raises:
        ConfigError: Names the first unknown one.
    """
    known = sorted(known)
    for name in given:
        if name not in known:
            raise ConfigError(f"unknown {what} {name!r}; {nearest(name, known)}")


def nearest(name: str, known: Iterable[str]) -> str:
    """What was probably meant.

    Example:
        >>> nearest("wroker", ["demo", "worker"])
        "did you mean 'worker'?"
        >>> nearest("x", ["demo", "worker"])
        'known are demo, worker'
    """
    known = list(known)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"


def to_seconds(duration: Any) -> Any:
    """A timedelta as seconds, anything else as it is: what is no duration is for its reader to refuse.

    Example:
        >>> from datetime import timedelta
        >>> to_seconds(timedelta(minutes=1)), to_seconds(2.5)
        (60.0, 2.5)
    """
    return duration.total_seconds() if isinstance(duration, timedelta) else duration


def check_seconds(name: str, value: object, *, at_most: float | None = None, zero: bool = False) -> float:
    """The value as seconds, if it is a number that makes sense as a duration.

    Raises:
        ConfigError: Not a number, NaN, negative, zero where zero is not allowed, or above `at_most`.
    """
    number = value if isinstance(value, (int, float)) and not isinstance(value, bool) else math.nan
    if not (0 < number < math.inf or (zero and number == 0)) or (at_most is not None and number > at_most):
        wanted = "zero or a positive number" if zero else "a positive number"
        limit = f" of at most {at_most:,.10g}" if at_most is not None else " of"
        raise ConfigError(f"expected {name} to be {wanted}{limit} seconds, got {value!r}")
    return float(number)


def _seconds(variable: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigError(f"expected {variable} to be a number of seconds, got {text!r}") from None


def _truth(variable: str, text: str) -> bool:
    if text.lower() not in _TRUTHS:
        raise ConfigError(f"expected {variable} to be one of {', '.join(_TRUTHS)}, got {text!r}")
    return _TRUTHS[text.lower()]


_TRUTHS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
_FROM_TEXT: Mapping[str, Callable[[str, str], Any]] = {"timeout": _seconds, "skip_invalidated": _truth}
