"""What to do when a call to Redis fails: the one place that decides, for sync and asyncio alike. No I/O.

redis-py resends any command up to ten times, so that one lost reply applies it twice. Here a call is sent again only if
the server surely did not run it, or if running it twice is the same as once (`Call.resend`), and only within the
caller's deadline.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from redis import exceptions as redis_errors

FIRST_PAUSE = 0.01
LONGEST_PAUSE = 0.5
# A try that has less time than this would only end in a timeout, which says less than the error that is known.
LEAST = 0.02
# What a server answers without having run anything, by the leading word where redis-py has no class of its own.
_NOT_NOW = (
    redis_errors.BusyLoadingError,
    redis_errors.ReadOnlyError,
    redis_errors.TryAgainError,
    redis_errors.ClusterDownError,
    redis_errors.MasterDownError,
)
_NOT_NOW_WORDS = ("BUSY ", "NOREPLICAS ")  # and not BUSYKEY, BUSYGROUP
# Connection errors by class, yet no matter of the network: waiting does not help.
_FINAL = (redis_errors.AuthenticationError, redis_errors.AuthorizationError, redis_errors.MaxConnectionsError)


@dataclass(slots=True)
class Attempts:
    """One call's way through its failures.

    Args:
        resend: Whether the same call may be sent twice.
        deadline: The instant, by `clock`, at which the caller must have an answer.
        clock: Monotonic seconds.
        reached: Whether the server was ever reached. If not, its address is wrong rather than its network: no waiting.
    """

    resend: bool
    deadline: float
    clock: Callable[[], float]
    reached: bool = True
    whole: bool = False
    resent: bool = False
    redirect: redis_errors.AskError | None = None
    stale: bool = False
    _failures: int = field(default=0)

    @property
    def left(self) -> float:
        """Seconds until the deadline, at least a millisecond: no socket takes zero as a time limit."""
        return max(0.001, self.deadline - self.clock())

    def after(self, error: Exception, *, sent: bool) -> float:
        """Seconds to pause before the next try.

        Args:
            error: What came instead of an answer.
            sent: Whether any part of the command may have reached the server.

        Raises:
            Exception: The error itself, where another try is not allowed, useless, or too late.
        """
        self.redirect, self.stale = None, False
        if isinstance(error, redis_errors.NoScriptError) and not self.whole:
            self.whole = True
            return 0.0
        if isinstance(error, redis_errors.AskError):
            self.redirect = error
            return self._pause(error, first=0.0)
        if isinstance(error, _FINAL):
            raise error
        if isinstance(error, _NOT_NOW) or str(error).startswith(_NOT_NOW_WORDS):
            self.stale = True
            return self._pause(error, first=FIRST_PAUSE)
        if not isinstance(error, (redis_errors.ConnectionError, redis_errors.TimeoutError)):
            raise error
        if (sent and not self.resend) or not (sent or self.reached):
            raise error
        self.stale = True
        self.resent = self.resent or sent
        return self._pause(error, first=0.0)

    def _pause(self, error: Exception, *, first: float) -> float:
        self._failures += 1
        longest = first if self._failures == 1 else min(LONGEST_PAUSE, FIRST_PAUSE * 2**self._failures)
        pause = random.uniform(longest / 2, longest)
        if self.clock() + pause + LEAST >= self.deadline:
            raise error
        return pause
