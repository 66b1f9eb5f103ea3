"""`Scheduler`: the loop that leads a schedule where it may, and fires what is due."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from shiftboss import events
from shiftboss.errors import ShiftbossError
from shiftboss.keys import PeriodicKeys
from shiftboss.outbox import GRACE, PAGE
from shiftboss.outbox import claim as take_overdue
from shiftboss.plan import Plan, run
from shiftboss.scripts import Arg
from shiftboss.service import Service, Signal

from . import calls
from .claiming import Move, jid_of, moves_of
from .deploying import channel, deploy
from .elector import LEASE, Elector
from .entry import Entry
from .ticks import enqueue, item_of

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss
    from shiftboss.store.line import Subscription

    from .schedule import Schedule

log = logging.getLogger("shiftboss.periodic")
# Entries that are read at once, and moves that one claim makes.
AT_ONCE = 500
# Seconds at most between two looks, whatever is due: a message may be lost.
LONGEST = 60.0
# Seconds before a lease of somebody else ends within which to ask again, and pauses while Redis is away.
SOON = 0.02
PAUSES = (0.05, 2.0)


class Scheduler(Service):
    """Fires a schedule, if this process leads it. Any number of processes may run one; each tick is enqueued once.

    It sleeps until the next tick. A changed schedule, an entry that is paused or run out of turn, and a leader that resigns
    wake it.

    Args:
        client: Where the schedule is, and whose engine runs the jobs.
        schedule: What to deploy at the start; or the name of a schedule that others deploy.
        lease: Seconds after which a leader that gave no sign has lost, at least 1.
        lead: Whether this process may lead.

    Raises:
        ConfigError: A lease that cannot be.
    """

    def __init__(self, client: Shiftboss, schedule: Schedule | str, *, lease: float = LEASE, lead: bool = True) -> None:
        super().__init__("shiftboss-scheduler")
        self.fired: Signal[int] = Signal()
        self._client = client
        self._schedule = None if isinstance(schedule, str) else schedule
        self.schedule_name = schedule if isinstance(schedule, str) else schedule.name
        self._lead = lead
        self._keys = PeriodicKeys(client.namespace, self.schedule_name)
        self._elector = Elector(client, self.schedule_name, lease)
        self._next_step = 0.0
        self._next_tick = 0.0
        self._hearing: Subscription | None = None

    @property
    def leading(self) -> bool:
        """Whether this process leads now, as far as it may believe that."""
        tenure = self._elector.tenure
        return tenure is not None and tenure.is_trusted(time.monotonic())

    def run(self) -> None:
        pause = PAUSES[0]
        while not self.stopping:
            try:
                self._serve()
                pause = PAUSES[0]
            except (RedisError, OSError) as error:
                if not self.stopping:
                    log.warning("schedule %r is not looked after while Redis is away: %s", self.schedule_name, error)
            except ShiftbossError as error:
                log.error("schedule %r: %s", self.schedule_name, error)  # noqa: TRY400  the message says it all
            self._elector.doubt(time.monotonic())
            self._next_step = self._next_tick = 0.0
            self.pause(pause, jitter=0.25)
            pause = min(PAUSES[1], pause * 2)
        self._resign()

    def ask_to_stop(self) -> None:
        """Say that the loop shall end, and return at once."""
        super().ask_to_stop()
        hearing = self._hearing
        if hearing is not None:
            hearing.close()

    def _serve(self) -> None:
        """Follow and lead for as long as Redis answers."""
        if self._schedule is not None:
            self._client.perform(deploy(self._client, self._schedule))
            self._schedule = None
        with self._client.store.subscribe(channel(self._client.namespace, self.schedule_name)) as hearing:
            self._hearing = hearing
            try:
                while not self.stopping:
                    now = time.monotonic()
                    if self._lead and now >= self._next_step:
                        self._next_step = now + self._client.perform(self._elector.step(self._owner, now)) + SOON
                    if self.leading and now >= self._next_tick:
                        self._next_tick = time.monotonic() + self._client.perform(self._fire())
                    if not self.stopping and hearing.wait(self._pause()) is not None:
                        # Somebody resigned, or something changed: look at both again.
                        self._next_tick = 0.0
                        if self._elector.tenure is None:
                            self._next_step = time.monotonic() + random.uniform(0, 0.01)
            finally:
                self._hearing = None

    @property
    def _owner(self) -> str:
        return self._client.store.identity

    def _pause(self) -> float:
        until = [time.monotonic() + LONGEST]
        if self._lead:
            until.append(self._next_step)
        if self._elector.tenure is not None:
            until += [self._next_tick]
        return max(0.0, min(until) - time.monotonic())

    def _fire(self) -> Plan[float]:
        """Fire what is due; seconds until the next tick."""
        yield from self._deliver_overdue()
        while self.leading and not self.stopping:
            due = yield from run(calls.due(self._keys, AT_ONCE))
            if not due.entries:
                self.fired.fire(due.now)
                return LONGEST if due.wait is None else min(LONGEST, due.wait / 1000)
            yield from self._fire_entries(due)
            now = time.monotonic()
            if now >= self._next_step:
                self._next_step = now + (yield from self._elector.step(self._owner, now)) + SOON
        return 0.0

    def _fire_entries(self, due: calls.Due) -> Plan[None]:
        moves: list[Move] = []
        for one in due.entries:
            if not one.definition:
                yield from run(calls.remove(self._keys, [one.name]))
                continue
            entry = Entry.from_json(one.definition)
            moves += moves_of(self.schedule_name, entry, one.at, one.paused, due.now)
        for start in range(0, len(moves), AT_ONCE):
            if not (yield from self._claim(moves[start : start + AT_ONCE], due.now)):
                return

    def _claim(self, moves: Sequence[Move], now: int) -> Plan[bool]:
        """Claim ticks and enqueue them; False if this process leads no more."""
        tenure = self._elector.tenure
        if tenure is None:
            return False
        args: list[Arg] = []
        by_item: dict[str, Move] = {}
        for move in moves:
            jid = jid_of(self.schedule_name, move)
            item = item_of(self._client, self.schedule_name, move.entry, jid) if jid else ""
            by_item[item] = move
            line = move.line(jid, tenure.term, now)
            args += [move.entry.name, move.start, move.end, jid, item, line, move.outcome, move.running_limit()]
        names = [move.entry.name for move in moves]
        status, *items = yield from run(calls.claim(self._keys, tenure.mine(self._owner), GRACE, names, args))
        if status != "ok":
            self._elector.depose("another leads")
            self._next_step = 0.0
            return False
        yield from enqueue(self._client, self._keys.out, items)
        self._tell(by_item[item] for item in items)
        return True

    def _deliver_overdue(self) -> Plan[None]:
        """Enqueue what a leader before claimed and did not enqueue."""
        items = yield from run(take_overdue(self._keys.out, GRACE, PAGE, 0))
        if items:
            yield from enqueue(self._client, self._keys.out, items)

    def _tell(self, moves: object) -> None:
        for move in moves:  # type: ignore[attr-defined]
            what = "tick.claimed" if move.outcome == "enqueued" else "tick.caught_up"
            late = round(max(0.0, time.time() - move.start / 1000), 3)
            jid = jid_of(self.schedule_name, move)
            events.emit(
                what,
                schedule=self.schedule_name,
                entry=move.entry.name,
                planned=move.planned / 1000,
                lateness=late,
                jid=jid,
            )

    def _resign(self) -> None:
        try:
            self._client.perform(self._elector.resign(self._owner))
        except (RedisError, OSError) as error:
            log.warning(
                "schedule %r: nobody could be told that this process leads no more: %s", self.schedule_name, error
            )
