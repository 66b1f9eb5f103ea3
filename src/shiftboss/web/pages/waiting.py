"""Retries, scheduled and dead jobs: three sets, one page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shiftboss.engines.sidekiq.sets import DeadSet, Entry, RetrySet, ScheduledSet
from shiftboss.engines.sidekiq.sets.waiting import WaitingSet
from shiftboss.web.forms import Form, Outcome, acting
from shiftboss.web.hiding import arguments
from shiftboss.web.paging import PAGE, paging
from shiftboss.web.rendering import render
from shiftboss.web.site import client_of, site_of

# How many calls of about 1,000 jobs each one search may make.
CALLS = 25
SETS: dict[str, type[RetrySet | ScheduledSet | DeadSet]] = {
    "retries": RetrySet,
    "scheduled": ScheduledSet,
    "dead": DeadSet,
}
TITLES = {"retries": "Retries", "scheduled": "Scheduled", "dead": "Dead"}


def kind_of(request: Request) -> str:
    """Which of the sets a page is about."""
    return str(request.url.path.rstrip("/").rpartition("/")[2])


def set_of(request: Request, kind: str) -> WaitingSet:
    """The set of a kind."""
    return SETS[kind](client=client_of(request))


async def waiting(request: Request) -> Response:
    site, kind = site_of(request), kind_of(request)
    jobs, text = set_of(request, kind), request.query_params.get("q", "").strip()
    place, cursor = paging(request, await jobs.acount()), ""

    def args(entry: Entry) -> str:
        return arguments(site.redact, entry.name, entry.args)

    def wanted(entry: Entry) -> bool:
        """Whether the text is in what is shown: what is hidden is not found either."""
        texts = (entry.jid, entry.name, entry.queue, entry.bid, entry.error_class, entry.error_message, args(entry))
        return any(text.lower() in shown.lower() for shown in texts if shown)

    if text:
        entries, cursor = await _search(jobs, text, wanted, request.query_params.get("from", ""))
    else:
        entries = await jobs.apage(place.first, PAGE)
    return await render(
        request,
        "waiting.html",
        kind=kind,
        title=TITLES[kind],
        size=place.size,
        entries=entries,
        text=text,
        paging=place,
        cursor=cursor,
        args=args,
        key=key_of,
    )


async def act(request: Request, form: Form) -> Outcome:
    jobs = set_of(request, kind_of(request))
    match form.action:
        case "retry all":
            return "retried", await jobs.aretry_all()
        case "kill all":
            return "killed", await jobs.akill_all()
        case "clear":
            return "deleted", await jobs.aclear()
        case "retry" | "kill" | "delete":
            return await act_on(jobs, form.all("job"), form.action)
    return "none", 0


async def act_on(jobs: WaitingSet, keys: Sequence[str], action: str) -> Outcome:
    """Do something to some jobs, each known by its `key_of`."""
    found = [entry for key in keys if (entry := await _find(jobs, key)) is not None]
    moved = 0
    for entry in found:
        match action:
            case "retry":
                moved += entry.payload is not None and await entry.aretry()
            case "kill":
                moved += await entry.akill()
            case "delete":
                moved += await entry.adelete()
    if not moved:
        return ("gone" if keys else "none"), 0
    return {"retry": "retried", "kill": "killed", "delete": "deleted"}[action], moved


def key_of(entry: Entry) -> str:
    """What a form knows a job of a set by: when it is due, and its id."""
    return f"{entry.at.timestamp() if entry.at else 0:f}|{entry.jid}"


def moment_of(text: str) -> datetime | None:
    """A time in epoch seconds, as `key_of` has it."""
    try:
        return datetime.fromtimestamp(float(text), UTC)
    except (ValueError, OverflowError, OSError):
        return None


async def _find(jobs: WaitingSet, key: str) -> Entry | None:
    at, _, jid = key.partition("|")
    return await jobs.afind(jid, moment_of(at))


async def _search(jobs: WaitingSet, text: str, wanted: Callable[[Entry], bool], cursor: str) -> tuple[list[Entry], str]:
    """Jobs with a text that are wanted, in the set's order as far as it was searched, and where the search goes on."""
    if cursor and not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 20):
        raise HTTPException(400, "there is nowhere to go on from")
    found: list[Entry] = []
    for _ in range(CALLS):
        some, cursor = await jobs.ascan(text, cursor)
        found += filter(wanted, some)
        if len(found) >= PAGE or not cursor:
            break
    found.sort(key=lambda entry: entry.at or datetime.min.replace(tzinfo=UTC), reverse=isinstance(jobs, DeadSet))
    return found, cursor


ROUTES = [route for kind in SETS for route in (Route(f"/{kind}", waiting, methods=["GET"]), acting(f"/{kind}", act))]
