"""`Term`: for how long a leader may believe that it leads. Arithmetic only; the elector says what it is for."""

from __future__ import annotations

from dataclasses import dataclass, replace

# What is kept back of a lease, for clocks that run at different speeds and for a process that is slow to look at its own.
MARGIN = 1.0
MARGIN_PART = 5
# A lease is renewed when so many parts of it have passed: a renewal may fail once, and there is time for another.
RENEWALS = 3


@dataclass(frozen=True, slots=True)
class Term:
    """A time of leading, as the one sees it that leads.

    Args:
        number: Which one; a later leader has a higher number.
        owner: Who leads.
        lease: Seconds for which Redis keeps others out after a renewal.
        asked: When the newest renewal was *sent*, in monotonic seconds of this process. Redis began the lease then or
            later, so that it ends there no earlier than here.

    Example:
        >>> term = Term(7, "a", lease=15.0, asked=100.0)
        >>> term.renew_at, term.trusted_until
        (105.0, 114.0)
    """

    number: int
    owner: str
    lease: float
    asked: float

    @property
    def renew_at(self) -> float:
        """When to ask for more."""
        return self.asked + self.lease / RENEWALS

    @property
    def trusted_until(self) -> float:
        """From when on it does not count any more, unless it was renewed: before the lease ends in Redis."""
        return self.asked + self.lease - min(MARGIN, self.lease / MARGIN_PART)

    def is_trusted(self, now: float) -> bool:
        """Whether its owner may act as the leader at this moment."""
        return now < self.trusted_until

    def renewed(self, asked: float) -> Term:
        """The same term after a renewal that was sent at `asked`. A reply that comes late gives no time that has passed,
        and replies in the wrong order take none away.
        """
        return replace(self, asked=max(self.asked, asked))
