"""Jobs that only RQ has. Each process that runs one imports this module, so that it needs little."""

from __future__ import annotations

import os
from typing import Any

from rq import Retry

from shiftboss import current_job, requeue
from tests.engines.actions import await_gate, put


def note(key: str, what: Any = None) -> None:
    put(key, what)


def fail(key: str) -> None:
    put(key, "tried")
    raise ValueError("as told")


def polite(key: str) -> None:
    """Puts itself back once."""
    job = current_job()
    assert job is not None
    put(key, job.requeues)
    if not job.requeues:
        requeue(0)


def asks_for_retry(key: str) -> Any:
    put(key, "asked")
    return Retry(max=1)


def waits(key: str) -> None:
    put(key, os.getpid())
    await_gate(key)
