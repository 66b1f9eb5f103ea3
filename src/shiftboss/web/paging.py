"""`Paging`: which part of a list a page shows."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from shiftboss.web.site import number

PAGE = 50


@dataclass(frozen=True, slots=True)
class Paging:
    """A page of a list.

    Args:
        number: Which, from 1 on.
        size: How long the list is.

    Example:
        >>> paging = Paging(3, 120)
        >>> paging.pages, paging.first
        (3, 100)
    """

    number: int
    size: int

    @property
    def pages(self) -> int:
        """How many there are."""
        return -(-self.size // PAGE)

    @property
    def first(self) -> int:
        """The place of its first line, from 0 on."""
        return (self.number - 1) * PAGE

    @property
    def span(self) -> slice:
        """Its lines, of a list that was read whole."""
        return slice(self.first, self.first + PAGE)


def paging(request: Request, size: int) -> Paging:
    """The page that a request asks for, of a list of that size; the last one where the list has become shorter."""
    asked = Paging(max(1, number(request, "page", 1)), size)
    return Paging(min(asked.number, max(1, asked.pages)), size)
