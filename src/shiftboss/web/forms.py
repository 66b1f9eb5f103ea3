"""Forms: what one said, and the routes that do it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import parse_qs

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from shiftboss.web.addresses import address, page_of, prefix_of
from shiftboss.web.origin import FIELD, has_token, is_ours
from shiftboss.web.outcomes import kept
from shiftboss.web.site import site_of

FORM_LIMIT = 1 << 20
FIELDS_LIMIT = 2_000


@dataclass(frozen=True)
class Form:
    """What a form said.

    Args:
        action: Which of its buttons was pressed.
        fields: All its fields.
    """

    action: str
    fields: dict[str, list[str]]

    def get(self, name: str) -> str:
        """One field; empty if it was not sent."""
        return self.fields.get(name, [""])[0]

    def all(self, name: str) -> list[str]:
        """All fields of a name."""
        return self.fields.get(name, [])


# What an action did, by a word of `OUTCOMES`, and to how many.
Outcome = tuple[str, int]
Action = Callable[[Request, Form], Awaitable[Outcome | Response]]


def acting(path: str, action: Action) -> Route:
    """A route for the forms of a page, whose action is done only if the request comes from a page of ours.

    Afterwards the browser is sent back to the page, which says what was done, unless the action has an answer of its own.
    """

    async def answer(request: Request) -> Response:
        if site_of(request).read_only:
            raise HTTPException(403, "this dashboard is read-only")
        if not is_ours(request):
            raise HTTPException(403, "this request does not come from a page of this dashboard")
        form = await _read(request)
        if not has_token(request, form.get(FIELD)):
            raise HTTPException(403, "the form is too old; load the page again")
        outcome = await action(request, form)
        if isinstance(outcome, Response):
            return outcome
        did, n = outcome
        back = address(prefix_of(request.scope), page_of(request.scope), {**kept(request), "did": did, "n": n})
        return RedirectResponse(back, 303)

    return Route(path, answer, methods=["POST"])


async def _read(request: Request) -> Form:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_LIMIT:
            raise HTTPException(413, "the form is too large")
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=FIELDS_LIMIT)
    except ValueError as error:
        raise HTTPException(400, "the form cannot be read") from error
    return Form(fields.get("action", [""])[0], fields)
