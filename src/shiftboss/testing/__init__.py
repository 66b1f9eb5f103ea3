"""Testing code that pushes jobs, without Redis and without a worker.

    from shiftboss.testing import assert_enqueued, fake

    with fake():
        sign_up("ada@example.com")                      # pushes send_welcome
        assert_enqueued(send_welcome, args=["ada@example.com"])
        send_welcome.drain()                            # runs it, here; an error of the job comes out

Nothing is imitated: jobs go through JSON and the real scripts, on an in-process server, and are run and settled by the
worker's own code. So batches, callbacks, limiters and retries do in a test what they do in production.
"""

from shiftboss.testing.assertions import assert_enqueued, perform_enqueued
from shiftboss.testing.clock import Clock
from shiftboss.testing.modes import clear_all, drain_all, fake, inline
from shiftboss.testing.sandbox import Sandbox

__all__ = ["Clock", "Sandbox", "assert_enqueued", "clear_all", "drain_all", "fake", "inline", "perform_enqueued"]
