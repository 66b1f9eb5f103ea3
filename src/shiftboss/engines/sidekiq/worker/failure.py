"""What becomes of a job that failed: run again after a while, kept among the dead, or dropped. Sidekiq's rules; no I/O."""

from __future__ import annotations

import base64
import logging
import math
import random
import time
import traceback
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from shiftboss.config import to_seconds
from shiftboss.endings import Discard, Verdict
from shiftboss.engine import Gate
from shiftboss.engines.sidekiq.options import RETRIES
from shiftboss.engines.sidekiq.worker.hold import Ended, Run
from shiftboss.errors import JobError, OverLimit
from shiftboss.extension import Reschedule
from shiftboss.jobs import OVERRATED, Outcome, error_name, error_text
from shiftboss.text import storable

if TYPE_CHECKING:
    from shiftboss.engines.sidekiq.payload import Payload
    from shiftboss.engines.sidekiq.worker.bodies import Body

log = logging.getLogger("shiftboss.worker")
LONGEST_MESSAGE = 10_000
# What a job carries only while it is put back again and again; a run that got through takes it off.
PASSING = (OVERRATED, "limited_since")
# Where a job carries its failures by the classes of its `retry_on`.
REPEATS = "repeats"
# Seconds that a job without room behind its gate pauses, the more the longer it has tried.
SHORTEST_PAUSE = 0.2
LONGEST_PAUSE = 10.0
RetryIn = Callable[[int, BaseException], float | timedelta | Verdict | None]


def delay_after(count: int) -> float:
    """Seconds until the next run after failure number `count`, from 0, without the part left to chance."""
    return float(count**4 + 15)


def failed(run: Run, payload: Payload, error: BaseException, body: Body | None = None) -> Ended:
    """What becomes of a job that raised.

    Args:
        run: The run.
        payload: Its job, read.
        error: What it raised.
        body: What this process knows of the job, if it does.
    """
    now_ms = round(time.time() * 1000)
    options = payload.message.options
    if isinstance(error, (Discard, *(body.options.discard_on if body else ()))):
        return Ended(run, "drop", Outcome.DIED, error=error, discarded=True)
    repeats, kind = _repeats(payload), _kind(body, error)
    marked = _marked(payload, error, now_ms, run.queue)
    count = marked.retry_count or 0
    retry = options.get("retry", True)
    if body is None or kind is None:
        again = _may_run_again(marked, count - sum(repeats.values()), retry, now_ms)
    else:
        name = f"{kind.__module__}.{kind.__qualname__}"
        before = repeats.get(name, 0)
        again = before < body.options.retry_on[kind]
        repeated = {**marked.message.options, REPEATS: {**repeats, name: before + 1}}
        marked = replace(marked, message=replace(marked.message, options=repeated))
    if again:
        wish = _wished(body.retry_in if body else None, count, error)
        if wish is Verdict.DISCARD:
            return Ended(run, "drop", Outcome.DIED, error=error, discarded=True)
        if wish is not Verdict.KILL:
            delay = (delay_after(count) if wish is None else wish) + random.random() * 10 * (count + 1)
            return Ended(run, "retry", Outcome.FAILED, marked.encode(enqueued_at_ms=None), round(delay, 3), error)
    if retry is False or options.get("dead") is False:
        return Ended(run, "drop", Outcome.DIED, error=error)
    return Ended(run, "dead", Outcome.DIED, marked.encode(enqueued_at_ms=None), error=error)


def later(run: Run, payload: Payload, reschedule: Reschedule, *, begun: bool) -> Ended:
    """What becomes of a job that is to run later and has not failed: the same job, no retry used.

    Args:
        run: The run.
        payload: Its job, read.
        reschedule: When, and what it is to carry.
        begun: Whether it had begun to run: what has, expires no more.

    Raises:
        ValueError: It would never run.
    """
    if not math.isfinite(reschedule.delay):
        raise ValueError(f"expected a delay in seconds, got {reschedule.delay}")
    if begun:
        payload = payload.without_expiry()
    options = {name: value for name, value in payload.message.options.items() if name not in PASSING}
    message = replace(payload.message, options={**options, **reschedule.options})
    kept = replace(payload, message=message).encode(enqueued_at_ms=None)
    return Ended(run, "later", Outcome.RESCHEDULED, kept, round(reschedule.delay, 3))


def refused(payload: Payload, gate: Gate, refusal: OverLimit) -> Reschedule:
    """When to try again a job that found no room behind its gate.

    Raises:
        OverLimit: It has tried for as long as the gate says, which says what becomes of the job, too.
    """
    now_ms = round(time.time() * 1000)
    since = payload.message.options.get("limited_since", now_ms)
    waited = (now_ms - since) / 1000 if isinstance(since, int) else 0.0
    if waited > gate.wait_timeout:
        raise OverLimit(
            f"limiter {gate.name!r}: no room in {waited:.0f} s", gate.name, refusal.retry_after, gate, refusal.state
        ) from refusal
    pause = random.uniform(0.5, 1.0) * min(SHORTEST_PAUSE + waited / 4, LONGEST_PAUSE)
    # How often it was over the limit counts on until a run gets through.
    kept = {name: value for name, value in payload.message.options.items() if name == OVERRATED}
    return Reschedule(min(pause, max(gate.wait_timeout, SHORTEST_PAUSE)), {**kept, "limited_since": since})


def unreadable(run: Run, reason: Exception) -> Ended:
    """What becomes of a payload that cannot be read: it is kept among the dead, byte for byte."""
    return Ended(run, "dead", Outcome.DIED, run.raw, error=reason)


def poisoned(run: Run, payload: Payload, reason: str) -> Ended:
    """What becomes of a job whose process died under it again and again."""
    marked = replace(payload, error_class="PoisonPill", error_message=reason)
    if payload.failed_at_ms is None:
        marked = replace(marked, failed_at_ms=round(time.time() * 1000))
    verb = "drop" if payload.message.options.get("dead") is False else "dead"
    return Ended(run, verb, Outcome.DIED, marked.encode(enqueued_at_ms=None), error=JobError(reason))


def _kind(body: Body | None, error: BaseException) -> type[BaseException] | None:
    """Which class of the job's `retry_on` an error is of, the nearest one; None if of none."""
    said = body.options.retry_on if body else {}
    return next((kind for kind in type(error).__mro__ if kind in said), None)


def _repeats(payload: Payload) -> dict[str, int]:
    """How often the job has failed by each class of its `retry_on`. Those failures are not counted by `retry`."""
    said = payload.message.options.get(REPEATS)
    return {name: times for name, times in said.items() if isinstance(times, int)} if isinstance(said, dict) else {}


def _may_run_again(marked: Payload, count: int, retry: Any, now_ms: int) -> bool:
    if retry is False:
        return False
    seconds = marked.message.options.get("retry_for")
    if isinstance(seconds, (int, float)) and not isinstance(seconds, bool):
        return now_ms < (marked.failed_at_ms or now_ms) + seconds * 1000
    return count < (retry if isinstance(retry, int) and retry is not True else RETRIES)


def _marked(payload: Payload, error: BaseException, now_ms: int, queue: str) -> Payload:
    """The payload with this failure in it."""
    options = {name: value for name, value in payload.message.options.items() if name not in PASSING}
    lines = options.get("backtrace")
    if lines:
        options["error_backtrace"] = _trace(error, None if lines is True else int(lines))
    message = replace(
        payload.message, queue=options.get("retry_queue") or queue or payload.message.queue, options=options
    )
    first = payload.retry_count is None
    return replace(
        payload,
        message=message,
        retry_count=payload.attempt,
        failed_at_ms=now_ms if first or payload.failed_at_ms is None else payload.failed_at_ms,
        retried_at_ms=payload.retried_at_ms if first else now_ms,
        error_class=error_name(error),
        error_message=error_text(error)[:LONGEST_MESSAGE],
    )


def _wished(retry_in: RetryIn | None, count: int, error: BaseException) -> float | Verdict | None:
    if retry_in is None:
        return None
    try:
        wish = to_seconds(retry_in(count, error))
        if isinstance(wish, Verdict) or not wish:
            return wish or None
        if not math.isfinite(wish):
            raise ValueError(f"expected retry_in to return seconds, a timedelta, DISCARD, KILL or None, got {wish!r}")
        return max(0.0, float(wish))
    except BaseException:
        log.exception("retry_in failed; the usual delay is taken")
        return None


def _trace(error: BaseException, lines: int | None) -> str:
    """The traceback as Sidekiq keeps it: JSON lines, innermost first, compressed."""
    frames = traceback.extract_tb(error.__traceback__)[::-1][:lines]
    texts = [storable(f"{frame.filename}:{frame.lineno}:in '{frame.name}'") for frame in frames]
    return base64.b64encode(zlib.compress(msgspec.json.encode(texts))).decode()
