"""The function that RQ runs for jobs that features bring along."""

from __future__ import annotations

from typing import Any

from shiftboss.client import current_client
from shiftboss.errors import JobError


def carry(name: str, *args: Any) -> Any:
    """Run such a job.

    Raises:
        JobError: No feature of this release knows it.
    """
    own = current_client().own_job(name)
    if own is None:
        raise JobError(f"no job is called {name!r} in this release")
    return own(*args)
