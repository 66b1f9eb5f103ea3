"""`Scheduler`: the loop that leads a schedule where it may, and fires what is due."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from shiftboss import events
from shiftboss.errors import ShiftbossError
from shiftboss.keys import PeriodicKeys
from shiftboss.outbox import GRACE, PAGE
from shiftboss.outbox import claim as take_overdue
from shiftboss.plan import Plan, deliver, run
from shiftboss.scripts import Arg
from shiftboss.service import Service, Signal

from . import calls
from .ahead import Ahead
from .checking import check_schedule_name
from .claiming import Move, jid_of
from .deploying import channel, deploy, look_for_another_app, renew
from .elector import LEASE, Elector
from .ticks import enqueue, item_of

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss
    from shiftboss.store.line import Subscription

    from .schedule import Schedule

log = logging.getLogger("shiftboss.periodic")
# Entries that are read at once, and moves that one claim makes, but for what its last entry has more.
AT_ONCE = 500
# Seconds at most between two looks, whatever is due: a message may be lost.
LONGEST = 60.0
# Seconds after a lease must have ended in which to ask again, and pauses while Redis is away.
SOON = 0.02
PAUSES = (0.05, 2.0)
FIRED = frozenset({"enqueued", "caught up"})
# Seconds for which it works ahead at once, and between two such spells.
SPELL, REST = 0.01, 0.01
# Seconds after which what was worked out is claimed and pushed, however little it is: all of it may take longer than a lease.
CLAIM_AFTER = 0.1
# Seconds after which the schedule is kept for another year.
RENEW_AFTER = 86_400.0
# Milliseconds by which the server's clock may go back without a word.
SHAKY = 1_000


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
        ScheduleError: A name that cannot be.
    """

    def __init__(self, client: Shiftboss, schedule: Schedule | str, *, lease: float = LEASE, lead: bool = True) -> None:
        super().__init__("shiftboss-scheduler")
        self.fired: Signal[int] = Signal()
        self._client = client
        self._schedule = None if isinstance(schedule, str) else schedule
        self._deployed = False
        self._looked_at = ""
        self.schedule_name = check_schedule_name(schedule if isinstance(schedule, str) else schedule.name)
        self._ahead = Ahead(self.schedule_name)
        self._ahead_of = 0
        self._clock = 0
        self._lead = lead
        self._keys = PeriodicKeys(client.namespace, self.schedule_name)
        self._elector = Elector(client, self.schedule_name, lease)
        self._next_step = 0.0
        self._next_tick = 0.0
        self._next_renewal = 0.0
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
            except Exception:
                log.exception("schedule %r: an error that should not be; it is looked after again", self.schedule_name)
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
        with self._client.store.subscribe(channel(self._client.namespace, self.schedule_name)) as hearing:
            self._hearing = hearing
            try:
                # Now that nothing is missed which changes afterwards.
                self._deploy()
                while not self.stopping:
                    now = time.monotonic()
                    if self._lead and now >= self._next_step:
                        self._step(now)
                    if self.leading and now >= self._next_tick:
                        self._next_tick = time.monotonic() + self._client.perform(self._fire())
                    heard = None if self.stopping else hearing.wait(self._pause())
                    if heard is not None:
                        # Somebody resigned, something is to be run now, or something changed.
                        self._next_tick = 0.0
                        if self._elector.tenure is None:
                            self._next_step = time.monotonic() + random.uniform(0, 0.01)
                    if heard == b"changed":
                        self._ahead_of = 0
                        self._look_around()
            finally:
                self._hearing = None

    def _deploy(self) -> None:
        """Deploy at the start; later only what a Redis that forgot everything has lost."""
        if self._schedule is not None:
            self._client.perform(deploy(self._client, self._schedule, only_if_lost=self._deployed))
            self._deployed = True

    def _look_around(self) -> None:
        """See whether it is still this schedule that is fired under its name."""
        if self._schedule is not None:
            look = look_for_another_app(self._client, self._schedule, self._looked_at)
            self._looked_at = self._client.perform(look)

    def _step(self, now: float) -> None:
        """Offer to lead, or go on leading."""
        before = self._elector.tenure
        self._next_step = now + self._client.perform(self._elector.step(self._owner, now)) + SOON
        tenure = self._elector.tenure
        if tenure is not None and (before is None or before.term != tenure.term):
            self._deploy()
            self._ahead_of = 0
            self._next_tick = 0.0

    @property
    def _owner(self) -> str:
        return self._client.store.identity

    def _pause(self) -> float:
        until = [time.monotonic() + LONGEST]
        if self._lead:
            until.append(self._next_step)
        if self._elector.tenure is not None:
            until.append(self._next_tick)
        pause = max(0.0, min(until) - time.monotonic())
        if self._ahead.behind and self.leading and pause > SPELL + REST:
            self._ahead.work(SPELL)
            return REST
        return pause

    def _fire(self) -> Plan[float]:
        """Fire what is due; seconds until the next tick."""
        skip = 0
        while self.leading and not self.stopping:
            due = yield from run(calls.due(self._keys, skip, AT_ONCE))
            self._look_at_the_clock(due.now)
            if due.entries:
                # Those that are set aside remain due; behind them there may be others.
                skip = 0 if (yield from self._fire_entries(due)) else skip + len(due.entries)
                if time.monotonic() >= self._next_step:
                    return 0.0
                continue
            yield from self._deliver_overdue()
            yield from self._read_ahead()
            if time.monotonic() >= self._next_renewal:
                yield from renew(self._client, self.schedule_name)
                self._next_renewal = time.monotonic() + RENEW_AFTER
            self.fired.fire(due.now)
            return LONGEST if due.wait is None else min(LONGEST, due.wait / 1000)
        return 0.0

    def _look_at_the_clock(self, now: int) -> None:
        """The server's clock alone says what is due. Set back, it lets entries wait for the instants that they have come to."""
        if now < self._clock - SHAKY:
            log.warning(
                "schedule %r: the server's clock went back by %.0f s; no entry fires before it comes to its next tick again",
                self.schedule_name,
                (self._clock - now) / 1000,
            )
        self._clock = now

    def _fire_entries(self, due: calls.Due) -> Plan[bool]:
        """Fire them in pieces, as many as there is time for until the lease is to be renewed; the others remain due. False if
        nothing can be done for any of them.
        """
        moves: list[Move] = []
        any_done = False
        began = time.monotonic()
        for one in due.entries:
            if one.definition:
                moves += self._ahead.moves(one, due.now)
            else:
                yield from run(calls.remove(self._keys, 0, [one.name]))
                any_done = True
            any_done = any_done or bool(moves)
            if len(moves) >= AT_ONCE or time.monotonic() >= began + CLAIM_AFTER:
                yield from self._claim(moves, due.now)
                if not self.leading or time.monotonic() >= self._next_step:
                    return True
                moves, began = [], time.monotonic()
        yield from self._claim(moves, due.now)
        return any_done

    def _claim(self, moves: Sequence[Move], now: int) -> Plan[None]:
        """Claim ticks and enqueue them, unless this process leads no more."""
        tenure = self._elector.tenure
        if tenure is None or not self.leading or not moves:
            return
        args: list[Arg] = []
        items: list[str] = []
        for move in moves:
            jid = jid_of(self.schedule_name, move)
            items.append(item_of(self.schedule_name, move.entry, jid) if jid else "")
            line = move.line(jid, tenure.term, now)
            args += [move.entry.name, move.start, move.end, jid, items[-1], line, move.outcome, move.running_limit()]
        names = [move.entry.name for move in moves]
        sent = yield from deliver(calls.claim(self._keys, tenure.mine(self._owner), GRACE, names, args))
        claimed = sent.result
        if claimed.status != "ok":
            self._elector.depose("another leads")
            self._next_step = 0.0
            return
        fate = list(zip(moves, items, claimed.outcomes, strict=True))
        if sent.resent:
            # The first reply is lost; what it claimed is in the outbox.
            yield from self._deliver_overdue(GRACE)
        else:
            yield from enqueue(self._client, self._keys.out, [item for _, item, outcome in fate if outcome in FIRED])
        self._tell(((move, outcome) for move, _, outcome in fate), claimed.now)
        for move in moves:
            self._ahead.expect(move.entry, move.end - move.start + move.planned)

    def _deliver_overdue(self, ahead: int = 0) -> Plan[None]:
        """Enqueue what was claimed or asked for and is not enqueued yet."""
        while items := (yield from run(take_overdue(self._keys.out, GRACE, PAGE, ahead))):
            yield from enqueue(self._client, self._keys.out, items)
            if len(items) < PAGE:
                return

    def _read_ahead(self) -> Plan[None]:
        """Read all entries once in each term, and when something has changed."""
        tenure = self._elector.tenure
        if tenure is not None and self._ahead_of != tenure.term:
            self._ahead_of = tenure.term
            definitions = yield from run(calls.entries(self._keys))
            self._ahead.load(definitions, (yield from run(calls.scores(self._keys))))

    def _tell(self, fate: Iterable[tuple[Move, str]], now: int) -> None:
        for move, outcome in fate:
            what: dict[str, object] = {"schedule": self.schedule_name, "entry": move.entry.name}
            what["planned"] = move.planned / 1000
            if outcome in FIRED:
                name = "tick.claimed" if outcome == "enqueued" else "tick.caught_up"
                jid = jid_of(self.schedule_name, move)
                events.emit(name, **what, lateness=max(0, now - move.start) / 1000, jid=jid)
            elif outcome in {"too old", "skipped"}:
                events.emit("tick.skipped", **what, reason=outcome)

    def _resign(self) -> None:
        try:
            self._client.perform(self._elector.resign(self._owner))
        except (RedisError, OSError) as error:
            log.warning(
                "schedule %r: nobody could be told that this process leads no more: %s", self.schedule_name, error
            )
