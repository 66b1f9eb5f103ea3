"""The options that every limiter takes, with durations in any form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypedDict

from shiftboss.client import Shiftboss
from shiftboss.config import check_known, to_seconds

from .base import Duration, OnOutage
from .limits import Policy


class Common(TypedDict, total=False):
    """The keyword arguments that every limiter takes beside `policy`; see `Limiter`."""

    wait_timeout: Duration
    ttl: Duration
    reschedule: int
    backoff: Callable[[Any, Any, BaseException], float | None] | None
    on_outage: OnOutage
    client: Shiftboss | None


class Options(Common, total=False):
    """All keyword arguments that every limiter takes."""

    policy: Policy


# What tells overloads of a limiter's maker apart: whether a decorated call may return None.
Raise = Literal["raise"]
Skip = Literal["skip"]


def common(options: Options) -> dict[str, Any]:
    """The options as a limiter holds them: durations in seconds.

    Raises:
        ConfigError: An unknown option, with the nearest known one.
    """
    check_known("limiter option", options, Options.__annotations__)
    return {name: to_seconds(value) for name, value in options.items()}
