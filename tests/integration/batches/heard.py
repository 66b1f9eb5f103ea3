"""Callbacks that remember how they were called."""

from __future__ import annotations

from typing import Any

from shiftboss.batches import Status, current_batch
from shiftboss.trusted import trust

trust(__name__)
CALLS: list[tuple[str, Status, dict[str, Any]]] = []
FAILURES: list[Exception] = []


def note(status: Status, options: dict[str, Any]) -> None:
    if FAILURES:
        raise FAILURES.pop()
    CALLS.append(("note", status, options))


async def anote(status: Status, options: dict[str, Any]) -> None:
    CALLS.append(("anote", status, options))


def add_more(status: Status, options: dict[str, Any]) -> None:
    batch = current_batch()
    assert batch is not None
    assert batch.bid == status.bid
    CALLS.append(("add_more", status, options))


class Invoices:
    def on_success(self, status: Status, options: dict[str, Any]) -> None:
        CALLS.append(("on_success", status, options))

    def on_complete(self, status: Status, options: dict[str, Any]) -> None:
        CALLS.append(("on_complete", status, options))

    def report(self, status: Status, options: dict[str, Any]) -> None:
        CALLS.append(("report", status, options))

    @staticmethod
    def plain(status: Status, options: dict[str, Any]) -> None:
        CALLS.append(("plain", status, options))
