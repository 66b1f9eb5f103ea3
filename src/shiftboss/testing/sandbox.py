"""`Sandbox`: queues of a test's own, and a worker of one that runs what is in them, here and now."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Self

from shiftboss.client import Shiftboss, stand_in
from shiftboss.engines.sidekiq.worker.acknowledge import acknowledge
from shiftboss.engines.sidekiq.worker.hold import Ended, Run
from shiftboss.engines.sidekiq.worker.runner import Runner
from shiftboss.errors import ConfigError, JobError
from shiftboss.jobs import Message
from shiftboss.keys import SidekiqKeys
from shiftboss.testing.clock import Clock
from shiftboss.testing.here import Here
from shiftboss.testing.waiting import Waiting, read_queues, read_sets, take

if TYPE_CHECKING:
    from types import TracebackType

IDENTITY = "testing"
# How many jobs one drain runs before it says that they make one another for ever.
MOST_RUNS = 10_000
Wanted = Callable[[Message], bool]


def _every(message: Message) -> bool:  # noqa: ARG001
    return True


class Sandbox:
    """Where jobs go in a test. It is open from the moment it is made until `close`, or the end of its ``with`` block, and
    stands in for the default client in every thread.

    Args:
        client: Where the queues are; default an in-process server of its own.

    Raises:
        ConfigError: The package fakeredis is missing.

    Example:
        >>> from shiftboss import job
        >>> from shiftboss.testing import Sandbox
        >>> @job(queue="low")
        ... def shout(text):
        ...     print(text.upper())
        >>> with Sandbox() as sandbox:
        ...     jid = shout.perform_async("hello")
        ...     sandbox.jobs[0].args
        ...     sandbox.drain()
        ('hello',)
        HELLO
        1
    """

    def __init__(self, client: Shiftboss | None = None) -> None:
        self.client = client or _private_client()
        self._keys = SidekiqKeys(self.client.namespace)
        self._ended: list[Ended] = []
        self._runner = Runner(self.client, Here(self.client), self._ended.append)
        self._runs = 0
        self._end = stand_in(self.client)
        _open.append(self)

    @property
    def jobs(self) -> list[Message]:
        """All jobs that wait: those in queues in the order in which they run, then those that are due later (`at`)."""
        return [waiting.message for waiting in self._waiting()]

    def drain(self, wanted: Wanted = _every, *, retries: bool = True) -> int:
        """Run what waits, and what that pushes, until nothing waits: first what is in queues, then what is due later in
        the order of its time, without waiting for it. A running `Clock` is set to that time.

        Args:
            wanted: Which jobs; default all.
            retries: Whether those too that failed and wait to be repeated.

        Returns:
            How many runs there were.

        Raises:
            JobError: A job cannot be read or is not known here, or 10,000 runs did not come to an end.
            BaseException: What a job raised. It has failed as it would have in a worker: if it may be repeated, it waits
                for that, and the next drain runs it again.
        """
        before = self._runs
        while (
            waiting := [one for one in read_queues(self.client, self._keys) if wanted(one.message)]
            or [one for one in read_sets(self.client, self._keys, retries=retries) if wanted(one.message)][:1]
        ):
            for one in waiting:
                if self._runs - before >= MOST_RUNS:
                    raise JobError(
                        f"{MOST_RUNS:,} runs and no end: expected jobs to stop pushing one another; {one.message.name} is next"
                    )
                self._run(one)
        return self._runs - before

    def perform_one(self, wanted: Wanted = _every) -> Message:
        """Run the next job.

        Returns:
            Which one it was.

        Raises:
            JobError: None waits.
            BaseException: What it raised; see `drain`.
        """
        for one in self._waiting():
            if wanted(one.message) and self._run(one):
                return one.message
        raise JobError("expected a job to perform, but none waits")

    def clear(self, wanted: Wanted = _every) -> int:
        """Forget jobs that wait; how many there were."""
        return sum(take(self.client, self._keys, one, None) for one in self._waiting() if wanted(one.message))

    def close(self) -> None:
        """Let the default client be what it was. What waits is forgotten with the server, if that is the sandbox's own."""
        if self in _open:
            _open.remove(self)
            self._end()

    def _waiting(self) -> list[Waiting]:
        return read_queues(self.client, self._keys) + read_sets(self.client, self._keys)

    def _run(self, one: Waiting) -> bool:
        if not take(self.client, self._keys, one, IDENTITY):
            return False
        self._runs += 1
        if one.message.at is not None:
            Clock.reach(one.message.at)
        self._runner.take([Run(self._runs, one.message.queue, one.raw)])
        while self._ended:
            ended = self._ended.pop()
            self.client.perform(acknowledge(self.client, self._keys, IDENTITY, [ended]))
            if ended.error is not None:
                raise ended.error
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


_open: list[Sandbox] = []


def current_sandbox() -> Sandbox:
    """The sandbox that is open here.

    Raises:
        JobError: None is: nobody may run or clear the jobs of a real server by mistake.
    """
    if not _open:
        raise JobError("this is for tests, and none has begun: call shiftboss.testing.fake() first")
    return _open[-1]


def _private_client() -> Shiftboss:
    """A client of a server that nobody else can name, and that is gone with it."""
    try:
        import fakeredis
    except ImportError:
        raise ConfigError("a sandbox needs the package fakeredis; pip install 'shiftboss[testing]'") from None
    return Shiftboss(fakeredis.FakeRedis(server=fakeredis.FakeServer()))
