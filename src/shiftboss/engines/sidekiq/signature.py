"""A job's parameters: keyword arguments become positions, and what does not fit is refused where it is pushed."""

from __future__ import annotations

import inspect
import reprlib
from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter, Signature
from typing import Any

from shiftboss.errors import ConfigError, JobError

_POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


class Parameters:
    """What a job takes. Only positions travel; names are for those who push.

    Args:
        name: The job's, for messages.
        function: What runs; bound, if it is a method.

    Raises:
        ConfigError: It has parameters that no position reaches.

    Example:
        >>> def resize(path, width=800, height=600): ...
        >>> Parameters("resize", resize).bind(("a.png",), {"height": 300})
        ('a.png', 800, 300)
    """

    def __init__(self, name: str, function: Callable[..., Any]) -> None:
        try:
            self._signature = _without_annotations(inspect.signature(function))
        except (TypeError, ValueError):
            raise ConfigError(f"{name}: expected a function whose parameters are known, got {function!r}") from None
        self._name = name
        parameters = self._signature.parameters.values()
        for parameter in parameters:
            _refuse_keywords(name, parameter)
        positional = [parameter for parameter in parameters if parameter.kind in _POSITIONAL]
        self._least = sum(parameter.default is Parameter.empty for parameter in positional)
        self._most = len(positional) if len(positional) == len(parameters) else float("inf")

    def bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, ...]:
        """The arguments by position, with defaults only where a later argument needs them to keep its place.

        Raises:
            JobError: Too many, too few, or a name it does not have; the message shows what it takes.
        """
        if not kwargs and self._least <= len(args) <= self._most:
            return tuple(args)
        try:
            bound = self._signature.bind(*args, **kwargs)
        except TypeError as error:
            given = [reprlib.repr(value) for value in args] + [f"{k}={reprlib.repr(v)}" for k, v in kwargs.items()]
            raise JobError(f"{self._name}: {error}; expected {self}, got ({', '.join(given)})") from None
        last = list(bound.arguments)[-1]
        bound.apply_defaults()
        names = list(bound.arguments)
        positions: list[Any] = []
        for name in names[: names.index(last) + 1]:
            kind = self._signature.parameters[name].kind
            positions += bound.arguments[name] if kind is Parameter.VAR_POSITIONAL else [bound.arguments[name]]
        return tuple(positions)

    def __str__(self) -> str:
        return f"{self._name.rpartition('.')[2]}{self._signature}"


def _without_annotations(signature: Signature) -> Signature:
    parameters = [parameter.replace(annotation=Parameter.empty) for parameter in signature.parameters.values()]
    return Signature(parameters)


def _refuse_keywords(name: str, parameter: Parameter) -> None:
    if parameter.kind is Parameter.KEYWORD_ONLY:
        raise ConfigError(
            f"{name}: the parameter {parameter.name!r} is keyword-only, but jobs travel with positional arguments; "
            "move it before the *"
        )
    if parameter.kind is Parameter.VAR_KEYWORD:
        raise ConfigError(
            f"{name}: **{parameter.name} cannot be reached, for jobs travel with positional arguments; "
            "name the parameters or take a dict"
        )
