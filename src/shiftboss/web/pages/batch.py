"""One batch: how far it is, what is below it, what has happened, and what can be done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shiftboss.batches import Batch, Status, doctor
from shiftboss.batches.bids import is_bid
from shiftboss.web.forms import Form, Outcome, acting
from shiftboss.web.rendering import render
from shiftboss.web.site import client_of

SHOWN = 200


@dataclass(frozen=True, slots=True)
class Branch:
    """A batch of a tree, and how deep it lies."""

    status: Status
    depth: int


async def batch(request: Request) -> Response:
    return await _show(request)


async def act(request: Request, form: Form) -> Outcome | Response:
    client, bid = client_of(request), _bid(request)
    match form.action:
        case "examine":  # it reads every queue and finishes what a crash has left undone, so only where it is asked for
            return await _show(request, await doctor.aexamine(bid, client=client))
        case "invalidate":
            await Batch.open(bid, client=client).ainvalidate()
            return "invalidated", 0
        case "close":
            return ("closed" if await doctor.aclose(bid, client=client) else "gone"), 0
        case "bury" | "give up":
            kind = "orphaned" if form.get("kind") == "orphaned" else "lost"
            lost = [one for one in await doctor.aexamine(bid, client=client) if one.kind == kind]
            settle = doctor.abury if form.action == "bury" else doctor.agive_up
            for finding in lost:
                await settle(bid, finding.positions, client=client)
            return "settled", sum(len(one.positions) for one in lost)
    return "none", 0


async def forget(request: Request, form: Form) -> Outcome:
    """Deleting is asked on the list, where there is a page to come back to."""
    bid = form.get("bid")
    if form.action != "delete" or not is_bid(bid):
        return "none", 0
    return ("forgotten" if await Batch.open(bid, client=client_of(request)).adelete() else "gone"), 0


async def _show(request: Request, findings: Sequence[doctor.Finding] | None = None) -> Response:
    client, bid = client_of(request), _bid(request)
    opened = Batch.open(bid, client=client)
    status = await opened.astatus()
    below = await opened.adescendants(SHOWN)
    return await render(
        request,
        "batch.html",
        batch=status,
        tree=_tree(status, below),
        below=len(below),
        all_shown=len(below) < SHOWN,
        events=_events(status),
        findings=findings,
    )


def _bid(request: Request) -> str:
    bid = str(request.path_params["bid"])
    if not is_bid(bid):
        raise HTTPException(404, "that is no batch's id")
    return bid


def _tree(top: Status, below: Sequence[Status]) -> list[Branch]:
    """Batches of a family, each above its children; below the top stand those whose parent is not among them."""
    children: dict[str | None, list[Status]] = {}
    known = {status.bid for status in below}
    for status in below:
        children.setdefault(status.parent_bid if status.parent_bid in known else top.bid, []).append(status)
    found, waiting = list[Branch](), [Branch(top, 0)]
    while waiting:
        branch = waiting.pop()
        found.append(branch)
        waiting += [Branch(child, branch.depth + 1) for child in reversed(children.get(branch.status.bid, []))]
    return found


def _events(status: Status) -> list[tuple[str, datetime]]:
    """What has happened, in its order."""
    times = {"created": status.created_at, "death": status.death_at, "complete": status.complete_at}
    times |= {"success": status.success_at, "finished": status.finished_at}
    return sorted(((name, at) for name, at in times.items() if at is not None), key=lambda event: event[1])


ROUTES = [
    acting("/batches", forget),
    Route("/batches/{bid}", batch, methods=["GET"]),
    acting("/batches/{bid}", act),
]
