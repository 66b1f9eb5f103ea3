"""Who leads a schedule.

Any number of processes offer to fire a schedule; one of them does. This page says how they agree, and what that is worth.

**Leading is an economy, not a safety.** It saves the others from waking up for each tick. That a tick is enqueued once is
decided elsewhere: the script that claims a tick compares the term of the caller with the one in Redis, and moves the entry
from this instant to its next in the same moment. A process that believes to lead and does not can claim nothing. So nothing
here has to be right for jobs to be right; it has to be right for them to be on time.

**What Redis decides.** One key says who leads and under which *term*; it expires after the *lease* (15 s) unless it is
renewed (every 5 s). Who finds no such key takes the next term. Terms come from a counter of their own, which outlives the
lease and its deletion: a term only grows. A clean exit deletes the key, if it still is of that owner and term, and tells all
that listen. The server's clock alone measures the lease; no process compares its own time of day with anybody's.

**States.** ::

                  no leader found: term n+1              the lease is renewed
    following ───────────────────────────────▶ leading ◀───────────────────────┐
        ▲                                         │  └─────────────────────────┘
        └─────────────────────────────────────────┘
          resigned; or somebody else leads; or the trust has run out

A follower asks again when the lease it was told of must have ended, and at once when it hears that the leader resigned. In
between it waits on its subscription, so that following costs one call per lease.

**The trust window.** The leader has to know by itself when to stop, for it may be unable to ask. It trusts its lease until
*attempt + lease - margin* by its own monotonic clock, where the attempt is the moment at which the renewal was *sent*: the
lease in Redis began then or later. A reply that took long therefore gives no time that has passed already. A process that
was frozen finds its trust run out when it wakes. Nobody has to notice that: `Elector.term` looks at the clock each time it
is asked.

**Failure rules.**

1. What is not known counts as not leading. A renewal that fails is tried again while there is trust, and not longer.
2. A renewal that comes back with another term is the beginning of that term: what was planned under the old one is void.
3. A claim that is refused for its term ends the term here, whatever the clock says.
4. Whoever lost the lead offers itself again; losing it is no error. It ends no process and no thread.
5. A process that stood down because it could not ask, and finds its lease still there, goes on under the same term: nobody
   else had one meanwhile.
6. If Redis forgets everything, terms begin anew; a claim compares the owner as well as the number.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from shiftboss.config import check_seconds
from shiftboss.errors import ConfigError
from shiftboss.events import emit
from shiftboss.keys import PeriodicKeys
from shiftboss.service import Service, Signal
from shiftboss.store.presence import new_identity

from . import calls
from .term import Term

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss
    from shiftboss.store.line import Subscription

log = logging.getLogger("shiftboss.periodic")
LEASE = 15.0
SHORTEST_LEASE = 1.0
# Seconds between attempts while Redis is away, and the shortest time that a call is given.
AGAIN = 0.25
SHORTEST_CALL = 0.05
# Followers ask so many seconds after the lease must have ended.
AFTER = 0.02
AWAY = (RedisError, OSError)


class Elector(Service):
    """Takes part in electing the leader of one schedule, in a thread of its own.

    Args:
        client: Where the schedule lives.
        schedule: Its name.
        lease: Seconds for which a leader that dies keeps others waiting; at least 1.
        changed: Called when somebody says that there is news of the schedule, and when this process begins or ends to lead.

    Raises:
        ConfigError: A lease that is too short.
    """

    def __init__(
        self, client: Shiftboss, schedule: str, *, lease: float = LEASE, changed: Callable[[], None] = lambda: None
    ) -> None:
        super().__init__(f"shiftboss-elector-{schedule}")
        if check_seconds("lease", lease) < SHORTEST_LEASE:
            raise ConfigError(f"expected lease to be at least {SHORTEST_LEASE:g} seconds, got {lease!r}")
        self.schedule = schedule
        self.lease = float(lease)
        self.owner = ""
        self.elected: Signal[int] = Signal()
        self.deposed: Signal[str] = Signal()
        self._client = client
        self._keys = PeriodicKeys(client.namespace, schedule)
        self._changed = changed
        self._term: Term | None = None
        self._refused = 0
        self._news: Subscription | None = None
        self._woken = False
        self._away = False

    @property
    def term(self) -> Term | None:
        """The term under which this process leads at this moment, or None. No round trip."""
        term = self._term
        return term if term is not None and term.number != self._refused and term.is_trusted(time.monotonic()) else None

    def refuse(self, term: Term) -> None:
        """A claim was refused for this term: it is over."""
        self._refused = term.number
        self._wake()

    def ask_to_stop(self) -> None:
        super().ask_to_stop()
        self._wake()

    def run(self) -> None:
        self.owner = new_identity()
        while not self.stopping:
            try:
                # Hearing begins before asking: whoever resigns in between is heard.
                with self._client.store.subscribe(self._keys.channel) as self._news:
                    while not self.stopping:
                        self._listen(self._ask())
            except AWAY as error:
                self._lost(error)
        self._resign()

    def _ask(self) -> float:
        """Offer to lead, or renew; the seconds until that is due again."""
        held, asked = self._trusted(), time.monotonic()
        patience = self._client.store.timeout
        if held is not None:
            patience = max(SHORTEST_CALL, min(patience, held.trusted_until - asked))
        answer = self._client.store.run(calls.elect(self._keys, self.owner, round(self.lease * 1000)), patience)
        self._back()
        if not answer.term:
            self._depose("somebody else leads")
            return answer.left / 1000 + AFTER
        if held is None or held.number != answer.term:
            self._depose("its lease had ended")
            self._elect(Term(answer.term, self.owner, self.lease, asked))
        else:
            self._term = held.renewed(asked)
        term = self._trusted()
        return max(0.0, term.renew_at - time.monotonic()) if term else 0.0

    def _trusted(self) -> Term | None:
        """The term, if there is one that counts; one that does not is over with this."""
        term = self.term
        if term is None:
            refused = self._term is not None and self._term.number == self._refused
            self._depose("a claim was refused" if refused else "its lease could not be renewed in time")
        return term

    def _elect(self, term: Term) -> None:
        self._term, self._refused = term, 0
        log.info("schedule %s: this process leads, term %d", self.schedule, term.number)
        emit("leader.elected", schedule=self.schedule, term=term.number)
        self.elected.fire(term.number)
        self._changed()

    def _depose(self, reason: str) -> None:
        term, self._term = self._term, None
        if term is None:
            return
        log.warning("schedule %s: this process leads no more, term %d: %s", self.schedule, term.number, reason)
        emit("leader.deposed", schedule=self.schedule, term=term.number, reason=reason)
        self.deposed.fire(reason)
        self._changed()

    def _listen(self, seconds: float) -> None:
        """Hear what is said about the schedule for so many seconds, or until it is time to offer again."""
        until = time.monotonic() + seconds
        while not self.stopping and (left := until - time.monotonic()) > 0:
            heard = self._news.wait(left) if self._news is not None else None
            if heard == b"resigned":
                return
            if heard is not None:
                self._changed()

    def _wake(self) -> None:
        """End the wait for news."""
        self._woken = True
        self.nudge()
        news = self._news
        if news is not None:
            news.close()

    def _lost(self, error: BaseException) -> None:
        """There is no connection: we closed it, or Redis is away. The lead lasts while it is trusted, and not longer."""
        woken, self._woken = self._woken, False
        term = self._trusted()
        if woken or self.stopping:
            return
        if not self._away:
            self._away = True
            log.warning("schedule %s: Redis is away (%s); this process asks on who leads", self.schedule, error)
        self.pause(AGAIN if term is None else max(0.0, min(AGAIN, term.trusted_until - time.monotonic())))
        self._trusted()

    def _back(self) -> None:
        if self._away:
            self._away = False
            log.warning("schedule %s: Redis is back", self.schedule)

    def _resign(self) -> None:
        """Let somebody else lead at once, if Redis can be told."""
        term = self._term
        if term is None:
            return
        try:
            self._client.store.run(calls.resign(self._keys, term.owner, term.number), min(1.0, self.lease))
        except AWAY as error:
            log.warning("schedule %s: nobody could be told that this process leads no more: %s", self.schedule, error)
        self._depose("it resigned")
