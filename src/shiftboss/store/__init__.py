"""The only package that talks to Redis: a call goes in, and its value or Redis' error comes out, within a deadline.

`Store` serves threads and `AsyncStore` event loops; `policy` decides for both what is sent again.
"""

from shiftboss.scripts import Call, command
from shiftboss.store.aio import AsyncStore
from shiftboss.store.line import AsyncLine, AsyncSubscription, Line, Subscription
from shiftboss.store.servers import Server, server_of, server_of_client
from shiftboss.store.sync import Delivery, Store

__all__ = [
    "AsyncLine",
    "AsyncStore",
    "AsyncSubscription",
    "Call",
    "Delivery",
    "Line",
    "Server",
    "Store",
    "Subscription",
    "command",
    "server_of",
    "server_of_client",
]
