"""What an action did, as the page says it afterwards. The address carries a word and a number, never text to be shown."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request

from shiftboss.text import plural
from shiftboss.web.site import number


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


def told(request: Request) -> str:
    """What an action did, if the browser comes from one."""
    did = OUTCOMES.get(request.query_params.get("did", ""))
    return "" if did is None else did(number(request, "n", 0))


def kept(request: Request) -> dict[str, str]:
    """The query without what an action did."""
    return {name: value for name, value in request.query_params.items() if name not in {"did", "n"}}
