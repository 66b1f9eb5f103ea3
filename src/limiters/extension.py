"""What limiters do in the life of jobs: a job that was over a limit runs again later, and has not failed."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import chain
from typing import TYPE_CHECKING, Any

from shiftboss.config import to_seconds
from shiftboss.errors import ConfigError, OverLimit
from shiftboss.extension import Extension, Reschedule
from shiftboss.jobs import OVERRATED, Message

from .definition import YEAR

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss

log = logging.getLogger("shiftboss.limiters")
# How often in a row a job is put back before being over the limit is a failure like others, unless its limiter says.
MOST = 20
# Seconds for each time it was put back, where nobody knows when there will be room again.
STEP = 300.0
# Seconds over which the jobs that a limiter put back spread: they must not all come at one instant.
JITTER = 1.0


class ErrorClasses(set[type[BaseException]]):
    """A set of error classes; one that is none is refused when it is added, not when the next job fails."""

    def add(self, element: type[BaseException], /) -> None:
        """Add one.

        Raises:
            ConfigError: No class of errors.
        """
        if not (isinstance(element, type) and issubclass(element, BaseException)):
            raise ConfigError(f"expected limiters.errors to be given a class of errors, got {element!r}")
        super().add(element)

    def update(self, *others: Iterable[type[BaseException]]) -> None:
        """Add several; see `add`."""
        for element in chain(*others):
            self.add(element)


# Errors of others that mean the same as `OverLimit`: a client library's for status 429, say.
errors = ErrorClasses()


class LimiterExtension(Extension):
    """The limiters of one client, as its engine meets them."""

    def __init__(self, client: Shiftboss) -> None:
        self._client = client

    def raised(self, message: Message, error: BaseException) -> Reschedule | None:
        """Over a limit: the same job later, when there is expected to be room. So often in a row as the limiter says."""
        if not isinstance(error, (OverLimit, *errors)):
            return None
        limiter = getattr(error, "source", None)
        before = message.options.get(OVERRATED)
        times = (before if isinstance(before, int) else 0) + 1
        if times > getattr(limiter, "reschedule", MOST):
            return None
        delay = _wished(limiter, message, error)
        if delay is None:
            known = retry_after(error)
            delay = STEP * times if known is None else known
            delay += random.uniform(0, max(JITTER, delay / 10))
        return Reschedule(delay, {OVERRATED: times})


def retry_after(error: BaseException) -> float | None:
    """Seconds after which an error says that it may be tried again, if it does: by an attribute of that name, or in the headers
    of the response that it carries, or that it carries itself.
    """
    said: Any = getattr(error, "retry_after", None)
    for carrier in (getattr(error, "response", None), error):
        headers: Any = getattr(carrier, "headers", None)
        if said is None and hasattr(headers, "get"):
            # Those of some libraries are plain dictionaries, of names in small letters.
            said = headers.get("Retry-After", headers.get("retry-after"))
    try:
        return _delay(said)
    except (TypeError, ValueError, OverflowError):
        return _until(said) if isinstance(said, str) else None


def _until(date: str) -> float | None:
    try:
        when = parsedate_to_datetime(date)
    except ValueError:
        return None
    return _delay((when if when.tzinfo else when.replace(tzinfo=UTC)) - datetime.now(UTC))


def _delay(said: Any) -> float | None:
    """What was said, as seconds to wait; None where nothing was, or no time that a job can wait."""
    if said is None:
        return None
    wish = to_seconds(said)
    return max(0.0, float(wish)) if float("-inf") < float(wish) <= YEAR else None


def _wished(limiter: Any, message: Message, error: BaseException) -> float | None:
    backoff = getattr(limiter, "backoff", None)
    if backoff is None:
        return None
    try:
        return _delay(backoff(limiter, message, error))
    except Exception:
        log.exception("backoff of limiter %r failed; the usual delay is taken", limiter.name)
        return None
