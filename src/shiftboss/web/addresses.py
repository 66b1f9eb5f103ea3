"""Addresses of pages below the prefix that the dashboard is mounted at."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from starlette.types import Scope

# What a prefix may be: with two slashes in front it would be another host's name, with dots another page.
_PREFIX = re.compile(r"(/(?!\.{1,2}(/|\Z))[A-Za-z0-9_.~-]+)*")


def is_prefix(text: str) -> bool:
    """Whether the dashboard can be mounted there.

    Example:
        >>> is_prefix(""), is_prefix("/admin/jobs"), is_prefix("//evil.example"), is_prefix("/a/../b")
        (True, True, False, False)
    """
    return _PREFIX.fullmatch(text) is not None


def prefix_of(scope: Scope) -> str:
    """Where it is mounted, as the host says. No header of a request decides it."""
    return str(scope.get("root_path", "")).rstrip("/")


def page_of(scope: Scope) -> str:
    """The path of the page below the prefix."""
    path, prefix = str(scope["path"]), prefix_of(scope)
    return (path.removeprefix(prefix) if path.startswith(f"{prefix}/") or path == prefix else path) or "/"


def address(prefix: str, path: str, query: Mapping[str, Any]) -> str:
    """The address of a page; what is None or empty is left out of the query."""
    said = urlencode({name: value for name, value in query.items() if value not in (None, "")})
    return prefix + quote(path) + (f"?{said}" if said else "")
