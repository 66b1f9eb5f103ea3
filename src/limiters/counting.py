"""Counting what limiters do: in this process first, and then in Redis with one of its next calls, at most once a second. So
counting takes no round trip of its own.
"""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from shiftboss import keys
from shiftboss.scripts import Call

from . import calls
from .counters import ADMITTED, FIELDS, HELD, IMMEDIATE, OVER_LIMIT, OVERAGES, WAIT, WAITED
from .leaving import when_it_ends

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss

    from .base import Limiter

# Seconds between two calls that carry counts along, and how many limiters' counts one carries.
EVERY = 1.0
TOGETHER = 20
# How many limiters may have counts that are not in Redis yet; beyond that the oldest counts are dropped.
MOST = 10_000


class Row:
    """What was counted of one limiter since its counts were last sent."""

    __slots__ = ("numbers", "since", "ttl")

    def __init__(self, ttl: float) -> None:
        self.since = time.monotonic()
        self.ttl = ttl
        self.numbers = [0] * len(FIELDS)

    def call(self, names: keys.CountKeys) -> Call[Any]:
        """The call that adds them up."""
        age = round((time.monotonic() - self.since) * 1000)
        return calls.count(names.counts, names.minutes, age, round(self.ttl * 1000), self.numbers)


class Counting:
    """What one client's limiters have counted, for any number of threads and tasks."""

    def __init__(self, client: Shiftboss) -> None:
        self._namespace = client.namespace
        self._apart = client.server.kind == "cluster"
        self.forget()

    def forget(self) -> None:
        """Nothing has been counted."""
        self._lock = threading.Lock()
        self._rows: dict[tuple[str, str], Row] = {}
        self._sent = -EVERY

    def admit(self, limiter: Limiter, waited: float = 0.0) -> None:
        """Somebody was admitted, after so many seconds."""
        with self._lock:
            numbers = self._row(limiter).numbers
            numbers[ADMITTED] += 1
            numbers[WAITED if waited else IMMEDIATE] += 1
            numbers[WAIT] += round(waited * 1e6)

    def refuse(self, limiter: Limiter) -> None:
        """Somebody was refused."""
        with self._lock:
            self._row(limiter).numbers[OVER_LIMIT] += 1

    def end(self, limiter: Limiter, seconds: float) -> None:
        """A slot that was held for so many seconds is given back."""
        with self._lock:
            self._row(limiter).numbers[HELD] += round(seconds * 1e6)

    def exceed(self, limiter: Limiter) -> None:
        """A slot was given back whose lease had ended."""
        with self._lock:
            self._row(limiter).numbers[OVERAGES] += 1

    def due(self, limiter: Limiter) -> list[Call[Any]]:
        """Counts that the next call to this limiter's Redis should carry along."""
        now = time.monotonic()
        if not self._rows or now - self._sent < EVERY:
            return []
        with self._lock:
            if self._apart:
                # Others may be of another node, whose trouble is none of this call's.
                row = self._rows.get((limiter.kind, limiter.name))
                if row is None or now - row.since < EVERY:
                    return []
                return [self._pop((limiter.kind, limiter.name))]
            found = [self._pop(one) for one in list(self._rows)[:TOGETHER]]
            if not self._rows:
                self._sent = now
            return found

    def of(self, limiter: Limiter) -> list[Call[Any]]:
        """This limiter's counts that are not in Redis."""
        with self._lock:
            place = limiter.kind, limiter.name
            return [self._pop(place)] if place in self._rows else []

    def all(self) -> list[Call[Any]]:
        """All of them."""
        with self._lock:
            return [self._pop(one) for one in list(self._rows)]

    def _row(self, limiter: Limiter) -> Row:
        place = limiter.kind, limiter.name
        row = self._rows.get(place)
        if row is None:
            if len(self._rows) >= MOST:
                del self._rows[next(iter(self._rows))]
            row = self._rows[place] = Row(limiter.ttl)
        return row

    def _pop(self, place: tuple[str, str]) -> Call[Any]:
        return self._rows.pop(place).call(keys.CountKeys(self._namespace, *place))


_countings: WeakKeyDictionary[Shiftboss, Counting] = WeakKeyDictionary()


def counting(client: Shiftboss) -> Counting:
    """What a client's limiters have counted."""
    found = _countings.get(client)
    if found is None:
        new = Counting(client)
        found = _countings.setdefault(client, new)
        if found is new:
            when_it_ends(client, new.all)
    return found


def _begin_anew() -> None:
    """In a forked child: the counts are the parent's, and a lock may be held by a thread that the child does not have."""
    for one in list(_countings.values()):
        one.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
