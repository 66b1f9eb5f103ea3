"""What travels with a task beside its arguments: its place in a batch, and what features want to remember of it.

They are message headers, which Celery carries through retries, redeliveries and countdowns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shiftboss.jobs import OPTIONS


def options_of(headers: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """What features remember of the task."""
    options = (headers or {}).get(OPTIONS)
    return options if isinstance(options, dict) else {}
