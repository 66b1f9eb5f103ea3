"""The options that every limiter takes, with durations in any form."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypedDict

from shiftboss.client import Shiftboss
from shiftboss.config import check_known

from .base import Duration, OnOutage, Policy


class Common(TypedDict, total=False):
    """The keyword arguments that every limiter takes; see `Limiter`."""

    wait_timeout: Duration
    policy: Policy
    ttl: Duration
    reschedule: int
    backoff: Callable[[Any, Any, BaseException], float | None] | None
    on_outage: OnOutage
    client: Shiftboss | None


def common(options: Common) -> dict[str, Any]:
    """The options as a limiter holds them: durations in seconds.

    Raises:
        ConfigError: An unknown option, with the nearest known one.
    """
    check_known("limiter option", options, Common.__annotations__)
    return {name: value.total_seconds() if isinstance(value, timedelta) else value for name, value in options.items()}
