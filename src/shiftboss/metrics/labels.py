"""Label values, of which there are only so many: each one is a time series that Prometheus keeps."""

from __future__ import annotations

import threading

MOST = 200
OTHER = "(other)"


class Label:
    """The values of one label: the first so many as they are, all others together.

    Names of jobs and limiters come from users and from Redis, and a limiter for each customer is a name for each customer.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._known: set[str] = set()
        self._lock = threading.Lock()

    def of(self, value: object) -> str:
        """What stands for a value."""
        text = str(value)
        if text in self._known:
            return text
        with self._lock:
            if len(self._known) >= self._most:
                return OTHER
            self._known.add(text)
        return text
