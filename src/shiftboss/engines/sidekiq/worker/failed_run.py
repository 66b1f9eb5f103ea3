"""What is kept of a failed run where all jobs' newest failures are kept."""

from __future__ import annotations

import socket
import traceback
from functools import cache
from typing import Any

import msgspec

from shiftboss.engines.sidekiq.worker.hold import Ended
from shiftboss.jobs import FAILURE_LIMIT, Outcome, error_name, error_text, failure_of
from shiftboss.text import storable

# Of a traceback, the innermost frames: 1,000 failures shall not cost Redis more than some megabytes.
MOST_FRAMES = 20


def failed_run(ended: Ended) -> bytes:
    """A failed run as JSON; empty for one that has not failed."""
    if ended.outcome not in {Outcome.FAILED, Outcome.DIED}:
        return b""
    kept: dict[str, Any] = {"host": _host(), "queue": ended.run.queue, "class": "", "kept": ended.verb}
    payload, error = ended.run.payload, ended.error
    if payload is not None:
        told = failure_of(payload.message, error, payload.attempt)
        kept |= {"class": payload.message.name, **msgspec.json.decode(told)}
    elif error is not None:
        kept |= {"jid": "", "error": error_name(error), "message": error_text(error)[:FAILURE_LIMIT], "attempt": 0}
    if error is not None:
        frames = traceback.extract_tb(error.__traceback__)[-MOST_FRAMES:]
        kept["backtrace"] = [storable(f"{frame.filename}:{frame.lineno} in {frame.name}") for frame in frames]
    return msgspec.json.encode(kept)


@cache
def _host() -> str:
    return socket.gethostname()
