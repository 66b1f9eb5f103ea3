"""What it means when a script would not add to a batch, in words."""

from __future__ import annotations

from shiftboss.errors import BatchClosed, BatchNotFound


def check_added(bid: str, status: str) -> None:
    """Return if the status is ``ok``.

    Raises:
        BatchNotFound, BatchClosed: As the status says.
    """
    if status == "ok":
        return
    if status == "missing":
        raise BatchNotFound(f"no batch {bid}: it never was, or it has expired")
    if status == "broken":
        raise BatchClosed(f"batch {bid} is broken, a block of it never closed; see `shiftboss batches show {bid}`")
    raise BatchClosed(
        f"batch {bid} has finished and takes no more jobs; to add in several blocks, hold it open with "
        f"`with Batch(...) as batch:` around them"
    )
