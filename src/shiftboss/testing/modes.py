"""`fake` and `inline`: what becomes of a job that a test pushes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from shiftboss.client import Shiftboss
from shiftboss.engines.sidekiq.engine import SidekiqEngine
from shiftboss.jobs import Message
from shiftboss.plan import Plan, work
from shiftboss.testing.sandbox import Sandbox, current_sandbox


def fake(client: Shiftboss | None = None) -> Sandbox:
    """From now on, jobs wait in a sandbox until the test runs them.

    Use it as a ``with`` block, or plainly at a prompt, where it lasts until `Sandbox.close`. Sandboxes nest; each begins
    empty.

    Args:
        client: Where the queues are; default an in-process server.

    Raises:
        ConfigError: The package fakeredis is missing.
    """
    return Sandbox(client)


def inline() -> Sandbox:
    """From now on, a job that is pushed runs at once, before the push returns, also one that is due later; what it raises
    comes out of the push. In a batch, its members run when the block ends. A job that failed and may be repeated waits until
    `drain_all` is called.

    Raises:
        ConfigError: The package fakeredis is missing.
    """
    sandbox = Sandbox()
    sandbox.client.engine = InlineEngine(sandbox)
    return sandbox


def drain_all() -> int:
    """Run what waits in the sandbox; see `Sandbox.drain`."""
    return current_sandbox().drain()


def clear_all() -> int:
    """Forget what waits in the sandbox; how many there were."""
    return current_sandbox().clear()


class InlineEngine(SidekiqEngine):
    """The built-in engine, and its worker, in one: what is enqueued has run when `enqueue` returns.

    Args:
        sandbox: What runs it.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox.client)
        self._sandbox = sandbox

    @property
    def joins_batches(self) -> bool:
        """No: a batch shall push its members through `enqueue`."""
        return False

    def enqueue(self, messages: Sequence[Message]) -> Plan[None]:
        yield from super().enqueue(messages)
        # Not those that failed before: their errors are no matter of this push.
        yield from work(partial(self._sandbox.drain, retries=False))
