"""The dashboard (extra ``web``): an ASGI app to mount at any prefix of yours, or to run alone with ``shiftboss web``.

app.mount("/jobs", Dashboard(authorize=lambda request: request.session.get("staff", False)))
"""

from __future__ import annotations

from shiftboss.errors import ConfigError

try:
    import jinja2
    import starlette
except ImportError as error:
    raise ConfigError("starlette and jinja2 are not installed; run: pip install 'shiftboss[web]'") from error

from shiftboss.web.access import read_login
from shiftboss.web.dashboard import Dashboard

__all__ = ["Dashboard", "read_login"]

del jinja2, starlette
