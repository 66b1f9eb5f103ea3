"""`Elector`: one process at a time leads a schedule, and knows for how long it may believe that it does.

**What Redis decides.** Who leads, in one key: owner and term, which ends by itself after the lease. Only a script sets it,
where nobody has it or the same owner does. Each new leader begins a term, a number that only grows. Whatever a leader does
to the schedule is one script that compares owner and term first: so it does not matter what a process believes of itself.

**States.** Following, and leading in a term. From following to leading: `step` finds the key free. From leading to following:
`step` finds another owner; or the lease may have ended without an answer; or `resign`.

**The trust window.** A leader counts its lease from before it asked, by its own monotonic clock, and trusts it only until a
tenth before the end. A slow answer makes the window shorter, never longer; a process that was paused finds it over when it
wakes up, and asks before it does anything. That the clocks of hosts differ does not matter: none is compared with another.

That a server's clock jumps does matter a little: set forward, it ends a lease early; set back, late, and then the next who asks
cuts the lease to the length that its holder relies on.

**Failure rules.** A leader that cannot reach Redis goes on trying until its window is over, and then follows; by then another
may lead. One that resigns says so on a channel, and who waits there takes over at once; after a crash somebody does when the
lease has ended. Where Redis has forgotten the key, the next to ask leads, in a later term, and what the old leader sends is
refused. Where Redis has forgotten the term too, terms go on from the server's clock, which is ahead of any.

Leading is an economy: a process that wrongly believes it leads claims nothing. The claim is what makes a tick fire once.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shiftboss import events
from shiftboss.config import check_seconds
from shiftboss.errors import ConfigError
from shiftboss.keys import PeriodicKeys
from shiftboss.plan import Plan, run

from . import calls
from .deploying import channel

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss

log = logging.getLogger("shiftboss.periodic")
LEASE = 15.0
# The part of a lease after which it is renewed, and the part of it that is not trusted.
RENEW = 1 / 3
MARGIN = 1 / 10


@dataclass(frozen=True, slots=True)
class Tenure:
    """Leading in one term, as far as it may be believed. Pure arithmetic on a monotonic clock, in seconds.

    Args:
        term: The term.
        asked: When the last answer was asked for.
        lease: How long the lease lasts from then on, at least.
    """

    term: int
    asked: float
    lease: float

    def mine(self, owner: str) -> str:
        """What the leader's key holds while this process leads."""
        return f"{owner}|{self.term}|{round(self.lease * 1000)}"

    def trusted_until(self) -> float:
        """Until when it may be believed."""
        return self.asked + self.lease * (1 - MARGIN)

    def is_trusted(self, now: float) -> bool:
        """Whether it may be believed now."""
        return now < self.trusted_until()


class Elector:
    """Stands for one process in the election of one schedule. Its methods are plans; the scheduler runs them.

    Args:
        client: Where the schedule is.
        schedule: Its name.
        lease: Seconds after which a leader that gave no sign has lost, at least 1.

    Raises:
        ConfigError: A lease that cannot be.
    """

    def __init__(self, client: Shiftboss, schedule: str, lease: float = LEASE) -> None:
        if check_seconds("lease", lease, at_most=3600) < 1:
            raise ConfigError(f"expected lease to be at least 1 second, got {lease!r}")
        self.lease = lease
        self.tenure: Tenure | None = None
        self._schedule = schedule
        self._keys = PeriodicKeys(client.namespace, schedule)
        self._channel = channel(client.namespace, schedule)

    def step(self, owner: str, now: float) -> Plan[float]:
        """Become or stay the leader if that can be; seconds until this is to be done again. One round trip.

        Args:
            owner: This process.
            now: Its monotonic clock, read before.
        """
        term, left = yield from run(calls.lead(self._keys, owner, round(self.lease * 1000)))
        if term == 0:
            self.depose(f"another leads, for {left / 1000:.1f} s at least")
            return max(0.02, left / 1000)
        if self.tenure is None or self.tenure.term != term:
            if self.tenure is not None:
                self.depose("its lease had ended")
            log.info("this process leads schedule %r, in term %d", self._schedule, term)
            events.emit("leader.elected", schedule=self._schedule, term=term)
        self.tenure = Tenure(term, now, self.lease)
        return self.lease * RENEW

    def doubt(self, now: float) -> None:
        """Redis did not answer: stop leading if the lease may have ended."""
        if self.tenure is not None and not self.tenure.is_trusted(now):
            self.depose("Redis has not answered for the length of its lease")

    def depose(self, reason: str) -> None:
        """Lead no more."""
        tenure, self.tenure = self.tenure, None
        if tenure is not None:
            log.warning("this process leads schedule %r no more: %s", self._schedule, reason)
            events.emit("leader.deposed", schedule=self._schedule, term=tenure.term, reason=reason)

    def resign(self, owner: str) -> Plan[None]:
        """Let another lead, at once. One round trip if this process leads."""
        if self.tenure is not None:
            tenure, self.tenure = self.tenure, None
            yield from run(calls.resign(self._keys, tenure.mine(owner), self._channel))
            log.info("this process leads schedule %r no more: it has resigned", self._schedule)
            events.emit("leader.deposed", schedule=self._schedule, term=tenure.term, reason="resigned")
