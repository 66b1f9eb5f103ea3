"""Lease blocks: units of a window that a process takes together, and then spends without asking Redis."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from shiftboss.scripts import Call

from . import calls
from .leaving import when_it_ends
from .state import Answer

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss


@dataclass(slots=True)
class Block:
    """Units that were taken together.

    Args:
        answer: What the limiter said.
        left: Units that are not spent.
        ends: When they must have been spent, by this process's monotonic clock.
    """

    answer: Answer
    left: int
    ends: float


class Shelf:
    """The block of one limiter in this process, for any number of threads and tasks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._block: Block | None = None
        self._spent = 0
        self._refilling = False

    def spend(self, cost: int) -> Answer | None:
        """Units of the block; None if it has not so many, or has ended."""
        with self._lock:
            block = self._block
            if block is None or block.left < cost or time.monotonic() >= block.ends:
                return None
            block.left -= cost
            self._spent += cost
            return block.answer

    def count(self, cost: int) -> None:
        """Units were taken past the block."""
        with self._lock:
            self._spent += cost

    @contextmanager
    def refilling(self) -> Iterator[bool]:
        """Whether it is this caller's part to fill it: one at a time does."""
        with self._lock:
            mine, self._refilling = not self._refilling, True
        try:
            yield mine
        finally:
            if mine:
                self._refilling = False

    def wish(self, most: int) -> int:
        """Units that the next block should have: twice those spent since the last, so that a slow process takes few."""
        with self._lock:
            wish, self._spent = min(most, 2 * self._spent), 0
            return wish

    def put(self, block: Block) -> None:
        """Fill it."""
        with self._lock:
            self._block = block

    def clear(self) -> Block | None:
        """Empty it; the block if it has units left."""
        with self._lock:
            block, self._block = self._block, None
            return block if block is not None and block.left else None


# How many limiters may have a block here; beyond that the oldest is dropped, and its units come back with time.
MOST = 10_000
_guard = threading.Lock()
_shelves: WeakKeyDictionary[Shiftboss, dict[str, Shelf]] = WeakKeyDictionary()


def shelf_of(client: Shiftboss, key: str) -> Shelf:
    """This process's block of the limiter with that key."""
    shelves = _shelves.get(client)
    if shelves is None:
        new = dict[str, Shelf]()
        shelves = _shelves.setdefault(client, new)
        if shelves is new:
            when_it_ends(client, lambda: leftovers(new))
    shelf = shelves.get(key)
    if shelf is None:
        with _guard:
            if len(shelves) >= MOST:
                del shelves[next(iter(shelves))]
            shelf = shelves.setdefault(key, Shelf())
    return shelf


def leftovers(shelves: dict[str, Shelf]) -> list[Call[Any]]:
    """The calls that give back what was not spent."""
    blocks = ((key, shelf.clear()) for key, shelf in list(shelves.items()))
    return [calls.unstamp(key, block.left, block.answer.mark) for key, block in blocks if block is not None]


def _begin_anew() -> None:
    """In a forked child: the units are the parent's, and a lock may be held by a thread that the child does not have."""
    global _guard
    _guard = threading.Lock()
    for shelves in list(_shelves.values()):
        shelves.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
