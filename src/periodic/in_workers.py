"""Schedules that the workers of an engine fire themselves, whichever engine it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from shiftboss.client import current_client

from .reading import load

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss

    from .extension import PeriodicExtension


def fire_in_workers(*files: str | Path, client: Shiftboss | None = None) -> None:
    """Have each worker process of the client's engine deploy schedules as it starts, and fire them if it leads. No round trip.

    Say it where the app is set up, after ``install``; said again, it adds to what was said before. Processes that only push jobs
    fire nothing.

    Args:
        files: Schedule files; entries that code registers are fired with them, or alone.
        client: Whose engine's workers; default the current client.

    Raises:
        ScheduleError: What is wrong with a file. A job that is not known, or needs arguments, is found as a worker starts.

    Example:
        >>> from shiftboss import Shiftboss, periodic
        >>> entry = periodic.register("nightly-report", cron="0 3 * * *", job="shop.jobs.report", schedule="shop")
        >>> periodic.fire_in_workers(client=Shiftboss("fake://doc"))
    """
    client = client or current_client()
    extension = cast("PeriodicExtension", client.extensions["periodic"])
    extension.fire_in_workers([load(file) for file in files])
