"""What a feature is to engines: told what happens to jobs, and asked what shall."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shiftboss.jobs import Message, Outcome
    from shiftboss.plan import Plan
    from shiftboss.scripts import Call
    from shiftboss.service import Service


@dataclass(frozen=True, slots=True)
class Reschedule:
    """Run the same job again, with the same id and no retry used.

    Args:
        delay: Seconds from now.
        options: What the message is to carry from now on, beside what it has.
    """

    delay: float
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Recording:
    """How a job's end is recorded in a transaction of the engine's own.

    Args:
        call: What does it; doing it twice is doing it once.
        out: The outbox in which it leaves what it sets off, for whoever claims that first.
    """

    call: Call[Any]
    out: str


class Extension:
    """A feature that takes part in the life of jobs: batches are one, limiters another. Each takes part where it wants to.

    `jobs` are jobs of its own by name, which every engine can run (a batch's callbacks are such).
    """

    jobs: Mapping[str, Callable[..., Any]] = MappingProxyType({})

    def pushing(self, messages: Sequence[Message]) -> Plan[Sequence[Message]]:
        """Before the engine publishes. May stamp messages, or keep some back to push them later."""
        yield from ()
        return messages

    def keeps(self) -> bool:
        """Whether `pushing` would keep what is pushed here and now back. No I/O."""
        return False

    def tracked(self, message: Message, outcome: Outcome) -> Plan[None]:  # noqa: ARG002
        """After a run of a job with the option `track`, before the engine forgets the job. For engines that join batches."""
        yield from ()

    def unwanted(self, messages: Sequence[Message], sign: str | None) -> Plan[frozenset[str]]:  # noqa: ARG002
        """Before jobs start: the ids of those that need not run any more, which count as having succeeded.

        Args:
            messages: The jobs.
            sign: What `keys.unwanted` holds, if the engine has seen it; None if it has not looked. Empty: nothing ever
                became unwanted.
        """
        yield from ()
        return frozenset()

    def starting(self, message: Message, process: str) -> Plan[bool]:  # noqa: ARG002
        """Before a job that has a place in a batch starts, on an engine that cannot say where jobs are: whether it shall run;
        one that need not run any more counts as having succeeded. At most one round trip.

        Args:
            message: The job.
            process: Which process it runs in; see `shiftboss.alive`.
        """
        yield from ()
        return True

    def raised(self, message: Message, error: BaseException) -> Reschedule | None:  # noqa: ARG002
        """Whether an error that left a job means: run the same job later, which is no failure. No I/O."""
        return None

    def finished(self, message: Message, outcome: Outcome, error: BaseException | None) -> Plan[None]:  # noqa: ARG002
        """After a run, before the engine forgets the job. An engine that joins batches calls it for callbacks only: it has
        settled members itself.
        """
        yield from ()

    def recording(
        self,
        message: Message,  # noqa: ARG002
        outcome: Outcome,  # noqa: ARG002
        error: BaseException | None,  # noqa: ARG002
    ) -> Recording | None:
        """What `finished` does, where one call does it: for an engine that writes an end down in a transaction. No I/O."""
        return None

    def perform(self, item: str, out: str) -> Plan[None]:  # noqa: ARG002
        """Do what an outbox item of this feature says, and strike it off."""
        yield from ()

    def outboxes(self) -> Plan[Sequence[str]]:
        """The keys of all outboxes that it writes to."""
        yield from ()
        return ()

    def services(self) -> Sequence[Service]:
        """Loops that run in each worker, beside its jobs. Asked once, as a worker starts."""
        return ()

    def tend(self) -> Plan[None]:
        """What has to be looked after from time to time; the reaper calls it, one process at a time."""
        yield from ()
