"""What Redis holds, for Prometheus; needs the extra ``metrics``."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shiftboss.client import Shiftboss
from shiftboss.errors import ConfigError
from shiftboss.web.site import client_of


async def metrics(request: Request) -> Response:
    try:
        text, kind = await run_in_threadpool(_read, client_of(request))
    except ConfigError as error:
        raise HTTPException(404, str(error)) from None
    return Response(text, media_type=kind)


def _read(client: Shiftboss) -> tuple[bytes, str]:
    from prometheus_client import CollectorRegistry

    from shiftboss.metrics import exposition, watch_state

    registry = CollectorRegistry()
    watch_state(client, registry)
    return exposition(registry)


ROUTES = [Route("/metrics", metrics, methods=["GET"])]
