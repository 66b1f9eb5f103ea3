"""What an action did, as the page says it afterwards. The address carries a word and a number, never text to be shown."""

from __future__ import annotations

from collections.abc import Callable

from shiftboss.cli.text import plural


def _jobs(what: str) -> Callable[[int], str]:
    return lambda n: f"{plural(n, 'job')} {what}."


def _said(what: str) -> Callable[[int], str]:
    return lambda _: what


OUTCOMES: dict[str, Callable[[int], str]] = {
    "retried": _jobs("put back into the queues"),
    "killed": _jobs("moved to the dead"),
    "deleted": _jobs("deleted"),
    "gone": _said("Nothing was done: it was gone already."),
    "none": _said("Nothing was done: nothing was chosen."),
    "paused": _said("Paused."),
    "resumed": _said("Resumed."),
    "asked": lambda n: f"{plural(n, 'process was', 'processes were')} asked; each follows within ten seconds.",
    "reset": _said("Reset."),
    "invalidated": _said("Invalidated: jobs that have not started are left out."),
    "closed": _said("Closed: what never came is not waited for."),
    "settled": _jobs("settled"),
    "forgotten": _said("Deleted."),
    "run": _said("It runs as soon as somebody fires the schedule."),
}
