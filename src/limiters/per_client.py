"""`PerClient`: a service for each client, as it is first needed."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar
from weakref import WeakKeyDictionary, finalize

from shiftboss.service import Service

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss
    from shiftboss.store import Store

S = TypeVar("S", bound=Service)


class PerClient(Generic[S]):
    """The services of one kind. Each is asked to stop when its client is dropped; a forked child has none of its parent's.

    Args:
        make: Makes one, of the client's store: it must not hold the client.
    """

    def __init__(self, make: Callable[[Store], S]) -> None:
        self._make = make
        self._begin_anew()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._begin_anew)

    def __len__(self) -> int:
        return len(self._services)

    def of(self, client: Shiftboss) -> S:
        """The client's, one in each process. No round trip."""
        with self._lock:
            service = self._services.get(client)
            if service is None:
                service = self._services[client] = self._make(client.store)
                finalize(client, service.ask_to_stop)
            return service

    def _begin_anew(self) -> None:
        self._lock = threading.Lock()
        self._services: WeakKeyDictionary[Shiftboss, S] = WeakKeyDictionary()
