"""`Worker`: takes jobs from queues, runs them, and lets go of each only when its end is recorded."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

from shiftboss.config import check_seconds
from shiftboss.engines.sidekiq.hooks import on_quiet, on_shutdown, on_startup
from shiftboss.engines.sidekiq.worker import calls
from shiftboss.engines.sidekiq.worker.acknowledge import tell
from shiftboss.engines.sidekiq.worker.announcing import announce_end
from shiftboss.engines.sidekiq.worker.crew import Crew
from shiftboss.engines.sidekiq.worker.fetcher import Fetcher, queue_of
from shiftboss.engines.sidekiq.worker.heartbeat import Facts, Heartbeat
from shiftboss.engines.sidekiq.worker.hold import Ended, Hold, unknown
from shiftboss.engines.sidekiq.worker.measuring import Measures
from shiftboss.engines.sidekiq.worker.outage import AWAY, Outage
from shiftboss.engines.sidekiq.worker.poller import Poller
from shiftboss.engines.sidekiq.worker.queues import DEFAULT, Queues
from shiftboss.engines.sidekiq.worker.reaper import Reaper
from shiftboss.engines.sidekiq.worker.rescuer import Rescuer
from shiftboss.engines.sidekiq.worker.runner import Runner
from shiftboss.engines.sidekiq.worker.settler import Settler
from shiftboss.engines.sidekiq.worker.signals import STOP, Signals
from shiftboss.errors import ConfigError
from shiftboss.jobs import Outcome
from shiftboss.keys import SidekiqKeys
from shiftboss.layout import claim_layout
from shiftboss.service import Service
from shiftboss.text import plural

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss

log = logging.getLogger("shiftboss.worker")
MOST_CONCURRENCY = 1_000
# Seconds for what follows the jobs at a stop: coroutines to end, acknowledgements to be answered.
LAST = 3.0
# What a process that is told to stop a second time ends with.
EXIT_FORCED = 1


class Worker:
    """Runs the jobs of some queues until it is stopped. One worker object runs once.

    Args:
        client: Where the queues are.
        queues: Names, asked strictly in that order, or (name, weight); default ``default``.
        concurrency: How many jobs run at once, in threads and on the event loop together.
        timeout: Seconds that running jobs are given to end at a stop; then they go back to their queues.

    Raises:
        ConfigError: A value that cannot be right, or a client of a Redis Cluster.

    Example:
        >>> from shiftboss import Shiftboss
        >>> from shiftboss.engines.sidekiq.worker import Worker
        >>> with Worker(Shiftboss("fake://doc"), queues=[("critical", 6), ("low", 1)], concurrency=2):
        ...     pass    # jobs are run here
    """

    def __init__(
        self,
        client: Shiftboss,
        queues: Sequence[str | tuple[str, int]] = DEFAULT,
        concurrency: int = 10,
        timeout: float = 25.0,
    ) -> None:
        if not isinstance(concurrency, int) or isinstance(concurrency, bool) or not 0 < concurrency <= MOST_CONCURRENCY:
            raise ConfigError(f"expected concurrency to be 1 to {MOST_CONCURRENCY}, got {concurrency!r}")
        self.client = client
        self.queues = Queues.parse(queues)
        self.concurrency = concurrency
        self.timeout = check_seconds("timeout", timeout, zero=True)
        if client.server.kind == "cluster":
            raise ConfigError(
                f"the built-in worker needs a standalone or Sentinel Redis, got the cluster {client.server.label}"
            )
        self.identity = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(6)}"
        self._keys = SidekiqKeys(client.namespace)
        store, keys, identity = client.store, self._keys, self.identity
        outage = Outage(client.server.label)
        self._hold = Hold(concurrency)
        self._crew = Crew(concurrency, self._room)
        self._runner = Runner(client, self._crew, self._end)
        self._measures = Measures()
        self.settler = Settler(client, keys, identity, self._hold, self._measures, outage)
        take, rested, waiting = self._runner.take, self._rested, lambda: self._crew.waiting
        self.fetcher = Fetcher(store, keys, identity, self.queues, self._hold, take, waiting, rested, outage)
        facts = Facts(identity, concurrency, self.queues)
        self.heartbeat = Heartbeat(store, keys, facts, self._hold, self._measures, self._told, outage)
        self.poller = Poller(store, keys, lambda: self.heartbeat.processes, outage)
        self.rescuer = Rescuer(client, keys, identity, outage)
        self.reaper = Reaper(client, identity, outage)
        self._beside: list[Service] = []
        self._signals: Signals | None = None
        # A hook that is called at the start may stop it.
        self._turning = threading.RLock()
        self._started = self._stopped = False

    def start(self) -> None:
        """Begin. It returns once the worker is known to Redis; jobs run in the background.

        Raises:
            redis.RedisError: Redis cannot be used.
            ConfigError: A newer release has written there what this one would misread, or this worker was stopped before.
        """
        with self._turning:
            if self._stopped:
                raise ConfigError("this worker was stopped, and a worker runs once; make another one")
            if not self._started:
                self._start()

    def quiet(self) -> None:
        """Take no more jobs; those that run go on. It cannot be undone."""
        log.info("quiet: no more jobs are taken")
        self._rest((self.fetcher, self.poller))

    def stop(self) -> None:
        """Take no more jobs, wait up to `timeout` for those that run, put back what has not ended. Again is harmless."""
        try:
            with self._turning:
                if self._started and not self._stopped:
                    self._stop()
                self._stopped = True
        finally:
            signals, self._signals = self._signals, None
            if signals is not None:
                signals.close()

    def run(self) -> None:
        """Start, work until TERM or INT, and stop. For the main thread.

        TERM and INT stop; a second one ends the process at once, and what it holds is taken back by another one. TSTP
        quiets; USR1 prints every thread's stack.

        Raises:
            redis.RedisError: Redis cannot be used at the start.
            ConfigError: As for `start`.
        """
        with Signals() as signals:
            self._signals = signals
            try:
                self.start()
                self._heed(signals)
            finally:
                self._signals = None
        self.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _start(self) -> None:
        self.client.perform(claim_layout(self.client))
        # Whoever holds a job is listed first: from here on nothing it takes can be forgotten.
        self.heartbeat.beat()
        self._started = True
        on_startup.fire()
        if self._stopped:
            return
        log.info("worker %s serves %s with %d slots", self.identity, ", ".join(self.queues.names), self.concurrency)
        self._beside = [one for extension in self.client.extensions.values() for one in extension.services()]
        ours = (self.settler, self.heartbeat, self.fetcher, self.poller, self.rescuer, self.reaper)
        for service in (*ours, *self._beside):
            service.start()

    def _end(self, ended: Ended) -> None:
        if self._hold.end(ended.run):
            announce_end(ended)
            self.settler.put(ended)
            self.fetcher.room()

    def _room(self) -> None:
        self.fetcher.room()

    def _told(self, name: str) -> None:
        """Heed a signal from the dashboard: TSTP and TERM, as from a terminal; TERM stops a worker without signals too."""
        if name == "TSTP":
            self.quiet()
        elif name == "TERM" and self._signals is not None:
            os.kill(os.getpid(), signal.SIGTERM)
        elif name == "TERM":
            threading.Thread(target=self.stop, name="shiftboss-stopper", daemon=True).start()
        else:
            log.warning("signal %r from the dashboard is not understood here", name)

    def _heed(self, signals: Signals) -> None:
        # Stopping takes time, in which the main thread still has to hear the second signal.
        stopper = threading.Thread(target=self.stop, name="shiftboss-stopper", daemon=True)
        for number in signals:
            if number not in STOP:
                self.quiet()
            elif stopper.ident is None:
                log.info("stopping: running jobs have %g s to end", self.timeout)
                stopper.start()
            else:
                log.warning("stopping at once; left to others: %s", plural(self._hold.busy, "job"))
                os._exit(EXIT_FORCED)

    def _rest(self, services: Sequence[Service]) -> None:
        self._runner.stopping = True
        for service in services:
            service.ask_to_stop()

    def _rested(self) -> None:
        """Say that no more jobs are taken, now that it is true."""
        self.heartbeat.quiet = True
        self.heartbeat.nudge()
        with self.client:
            on_quiet.fire()

    def _stop(self) -> None:
        deadline = time.monotonic() + self.timeout
        self._rest((self.fetcher, self.poller, self.rescuer, self.reaper, *self._beside))
        self.fetcher.stop()
        if not self._hold.wait_idle(deadline - time.monotonic()):
            log.warning("%s did not end within %g s", plural(self._hold.busy, "job"), self.timeout)
            if not self._runner.interrupt(LAST):
                log.warning("coroutines did not end within %g s of being cancelled", LAST)
        self._put_back()
        self.settler.finish(LAST)
        on_shutdown.fire()
        for loop in (*self._beside, self.poller, self.rescuer, self.reaper, self.heartbeat):
            loop.stop(LAST)
        self._crew.dismiss(self.client.aclose)
        try:
            self.heartbeat.tell_measures()
            left = self.client.store.run(calls.leave(self._keys, self.identity))
            log.info(
                "worker %s has stopped%s", self.identity, f"; left to others: {plural(left, 'job')}" if left else ""
            )
        except AWAY as error:
            log.warning("worker %s has stopped without a word to Redis: %s", self.identity, error)

    def _put_back(self) -> None:
        """Return what has not ended, and what a fetch may have taken whose reply was lost."""
        unended = self._hold.running()
        try:
            ours = self._hold.payloads()
            strays = unknown(self.client.store.run(calls.held(self._keys, self.identity)), ours)
            jobs = [calls.Returning(queue_of(raw) or self.queues.names[0], raw, raw) for raw in strays]
            jobs += [calls.Returning(run.queue, run.raw, run.put_back()) for run in reversed(unended)]
            count = sum(
                self.client.store.run(calls.put_back(self._keys, self.identity, jobs[i : i + calls.MOST_JOBS]))
                for i in range(0, len(jobs), calls.MOST_JOBS)
            )
            if count:
                log.warning("put back, to be run by others: %s", plural(count, "job"))
            for run in unended:
                interrupted = Ended(run, "drop", Outcome.INTERRUPTED)
                announce_end(interrupted)
                self.client.perform(tell(self.client, interrupted))
        except AWAY as error:
            log.warning("could not put back %s; another process will: %s", plural(len(unended), "job"), error)
