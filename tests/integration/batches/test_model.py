"""Random lives of batches, held against a small model: what must happen does, once, and nothing else.

Jobs are defined in trees, pushed, run, fail, die, are run again, are delivered twice. Members add members, batches wait for
batches of other trees, callbacks fail and die and are run again. Replies are lost, so that every call is sent twice;
processes die between any two calls, also while they push; batches expire; a reaper comes by. In the end everything is run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from shiftboss import outbox, scripts
from shiftboss.batches import Batch, BatchError, BatchNotFound, Status
from shiftboss.batches.waiting import Awaited
from shiftboss.client import Shiftboss
from shiftboss.jobs import CallbackOf, CurrentJob, Member, Message, Outcome, running
from shiftboss.store import command
from tests.backends import Backend, forget
from tests.integration.batches import heard
from tests.integration.batches.crew import Crew, Site
from tests.integration.batches.faulty import Crashed, FaultyClient

pytestmark = pytest.mark.timeout(600)
MOST_NODES = 12
EVENTS = ("complete", "success", "death", "finished")
OUTCOMES = st.sampled_from([Outcome.SUCCEEDED, Outcome.SUCCEEDED, Outcome.FAILED, Outcome.DIED])
# Steps until the process dies; mostly it lives.
CRASHES = st.one_of(st.none(), st.none(), st.none(), st.integers(0, 12))
# Which of those that are there. What is drawn never depends on what is there: the clock has a say in that.
WHICH = st.integers(0, 999)
T = TypeVar("T")


def pick(some: Sequence[T], which: int) -> T:
    return some[which % len(some)]


@dataclass
class Job:
    """What the model knows of a job."""

    ran: bool = False
    done: bool = False
    dead: bool = False
    ever_died: bool = False

    def end(self, outcome: Outcome) -> None:
        self.ran = True
        if outcome is Outcome.SUCCEEDED:
            self.done, self.dead = True, False
        elif outcome is Outcome.DIED and not self.done:
            self.dead = self.ever_died = True


def has_run(bid: str, *events: str) -> bool:
    """Whether the callbacks of these events of a batch have run."""
    called = {(status.bid, options["event"]) for _, status, options in heard.CALLS}
    return all((bid, event) in called for event in events)


@dataclass
class Node:
    """What the model knows of a batch, with all that was decided so far. Those that it waits for count like children."""

    batch: Batch
    jobs: dict[int, Job] = field(default_factory=dict)
    children: list[Node] = field(default_factory=list)
    decided: set[str] = field(default_factory=set)
    held: bool = False  # its process died in a block, which will never close
    gone: bool = False  # it has expired
    callback_died: bool = False
    taken: set[int] = field(default_factory=set)  # places of its children

    def is_through(self, event: str) -> bool:
        """Whether a parent may count this child for an event: its own is decided, and the callbacks of that have run."""
        if self.callback_died and event != "success":
            return True
        if event == "finished" and event in self.decided and "success" not in self.decided:
            return True
        if event == "complete":
            return event in self.decided and has_run(self.batch.bid, event)
        return "success" in self.decided and has_run(self.batch.bid, "complete", "success", "finished")

    def may(self, event: str) -> bool:
        """Whether an event may be decided now."""
        jobs = self.jobs.values()
        if event == "death":
            below = any(child.may("death") or child.callback_died for child in self.children)
            return self.held or below or any(job.ever_died for job in jobs)
        if self.held:
            return False
        children = all(child.is_through(event) for child in self.children)
        each = {"complete": lambda j: j.ran, "success": lambda j: j.done, "finished": lambda j: j.done or j.dead}[event]
        return children and all(map(each, jobs))

    def is_whole(self) -> bool:
        """Whether it and all below are still there to tell."""
        return not self.gone and all(child.is_whole() for child in self.children)


class Lives(RuleBasedStateMachine):
    backend: Backend

    def __init__(self) -> None:
        super().__init__()
        self.crew = Crew()
        self.client = FaultyClient(self.backend, engine=self.crew)
        self.site = Site(self.client, self.crew)
        self.nodes: dict[str, Node] = {}
        self.messages: list[Message] = []
        self.died: list[Message] = []  # callbacks
        self.repeats: Counter[tuple[str, str]] = Counter()
        heard.CALLS.clear()
        heard.FAILURES.clear()
        self.client.__enter__()

    def teardown(self) -> None:
        try:
            self.run_to_the_end()
        finally:
            self.client.__exit__()
            strays = self.backend.strays()
            self.client.close()
            forget(self.backend)
        assert strays == []

    # what happens

    @initialize(shape=st.lists(st.integers(0, 3), min_size=1, max_size=3))
    def define_first(self, shape: list[int]) -> None:
        self.define(shape, None, False)

    @rule(shape=st.lists(st.integers(0, 3), min_size=1, max_size=4), crash=CRASHES, lossy=st.booleans())
    def define(self, shape: list[int], crash: int | None, lossy: bool) -> None:
        """A batch within a batch within a batch, each with so many jobs; perhaps the process dies while it pushes them."""
        if len(self.nodes) > MOST_NODES:
            return
        self._faulty(crash, lossy, lambda: self._define(shape, None))

    @rule(which=st.lists(WHICH, min_size=1, max_size=2), count=st.integers(0, 2), crash=CRASHES, lossy=st.booleans())
    def wait_for_others(self, which: list[int], count: int, crash: int | None, lossy: bool) -> None:
        """A batch waits for others, whatever has become of them."""
        there = [node for node in self.nodes.values() if not node.gone]
        if not there or len(self.nodes) > MOST_NODES:
            return
        others = list({id(node): node for node in (pick(there, number) for number in which)}.values())
        self._faulty(crash, lossy, lambda: self._define([count], None, others))

    @rule(which=WHICH, outcomes=st.lists(OUTCOMES, min_size=1, max_size=2), crash=CRASHES, lossy=st.booleans())
    def run(self, which: int, outcomes: list[Outcome], crash: int | None, lossy: bool) -> None:
        """A job ends, and perhaps a copy of it; perhaps the process dies before it says so, or before it does what follows."""
        for outcome in outcomes if self.messages else []:
            message = pick(self.messages, which)
            place = message.batch
            assert isinstance(place, Member)
            if crash != 0:
                self.nodes[place.bid].jobs[place.position].end(outcome)
            report = self.client.extensions["batch"].finished(message, outcome, None)
            self._faulty(crash, lossy, partial(self.client.perform, report))

    @rule(which=WHICH, count=st.integers(0, 2), crash=CRASHES, lossy=st.booleans())
    def add_from_inside(self, which: int, count: int, crash: int | None, lossy: bool) -> None:
        """A member that runs adds members, if its batch has not succeeded and is whole."""
        if not self.messages:
            return
        message = pick(self.messages, which)
        place = message.batch
        assert isinstance(place, Member)
        node = self.nodes[place.bid]
        if node.gone or node.held or node.batch.status().success_at is not None:
            return

        def add() -> None:
            # What is decided when the block ends is decided with what it added.
            with running(CurrentJob(message.id, "low", message)), Batch.known(place.bid).jobs():
                for _ in range(count):
                    self.site.push(place.bid)

        self._faulty(crash, lossy, add, node)

    @rule(which=WHICH, again=st.booleans(), fails=st.booleans(), crash=CRASHES, lossy=st.booleans())
    def call_back(self, which: int, again: bool, fails: bool, crash: int | None, lossy: bool) -> None:
        """A callback runs; perhaps it fails at first, or a copy of it comes later, or its process dies after its effect."""
        if not self.crew.callbacks:
            return
        message = pick(self.crew.callbacks, which)
        if not again:
            self.crew.queue.remove(message)
        if fails:
            heard.FAILURES.append(RuntimeError("as it happens"))
        before = len(heard.CALLS)
        with self.client.faults(crash, lossy=lossy):
            try:
                self.site.run(message)
            except (RuntimeError, BatchError) as error:  # it failed, or a run that crashed has the lease
                if not isinstance(error, BatchNotFound):
                    self.crew.queue.append(message)
            except Crashed:
                self.crew.queue.append(message)
                of = message.batch
                assert isinstance(of, CallbackOf)
                self.repeats[of.bid, of.event] += len(heard.CALLS) - before
        heard.FAILURES.clear()

    @rule(which=WHICH, what=st.sampled_from(["a callback dies", "it is run again", "a batch expires"]))
    def mishap(self, which: int, what: str) -> None:
        """What is rare: a callback dies, and is run again; Redis forgets a batch, whatever state it is in."""
        if what == "it is run again" and self.died:
            self.crew.queue.append(self.died.pop())
        elif what == "a callback dies" and self.crew.callbacks:
            self._lose(pick(self.crew.callbacks, which))
        elif what == "a batch expires" and self.nodes and which % 2:
            node = pick(list(self.nodes.values()), which)
            keys = node.batch.keys
            self.client.store.run(command("DEL", [keys.record, keys.ran, keys.done, keys.dead], [], int))
            node.gone = True

    @rule(crash=CRASHES, lossy=st.booleans())
    def reap(self, crash: int | None, lossy: bool) -> None:
        self._end_leases()
        self._faulty(crash, lossy, lambda: self.client.perform(outbox.reap(self.client, "reaper")))

    # what must be so

    @invariant()
    def counters_are_as_the_model_says_and_events_only_as_they_may(self) -> None:
        statuses = {bid: node.batch.status() for bid, node in self.nodes.items() if not node.gone}
        newly = [
            (bid, e)
            for bid, s in statuses.items()
            for e in EVENTS
            if s.happened(e) and e not in self.nodes[bid].decided
        ]
        for bid, event in newly:
            self.nodes[bid].decided.add(event)
        for bid, event in newly:
            assert self.nodes[bid].may(event), f"{event} of {bid} was decided too early"
        for bid, status in statuses.items():
            self._compare(self.nodes[bid], status)

    def run_to_the_end(self) -> None:
        for _ in range(30):
            self._end_leases()
            if not (self.client.perform(outbox.reap(self.client, "reaper")) or self.crew.callbacks):
                break
            self._call_all_back()
            self.counters_are_as_the_model_says_and_events_only_as_they_may()
        for node in self.nodes.values():
            if node.is_whole():
                due = {event for event in EVENTS if node.may(event)}
                # What was added after complete, or revived after death, takes no event back.
                assert due <= node.decided, f"{due - node.decided} of {node.batch.bid} never came"
        called = Counter((status.bid, options["event"]) for _, status, options in heard.CALLS)
        unheard = {(of.bid, of.event) for message in self.died if isinstance(of := message.batch, CallbackOf)}
        for node in self.nodes.values():
            for event in EVENTS:
                which = (node.batch.bid, event)
                assert called[which] <= (event in node.decided) + self.repeats[which]
                assert called[which] or event not in node.decided or node.gone or which in unheard, which

    def _lose(self, message: Message) -> None:
        of = message.batch
        assert isinstance(of, CallbackOf)
        self.crew.queue = [other for other in self.crew.queue if other.id != message.id]
        self.died.append(message)
        self.client.perform(self.client.extensions["batch"].finished(message, Outcome.DIED, RuntimeError()))
        node = self.nodes[of.bid]
        if not node.gone:
            node.callback_died |= any(
                callback.state == "died" and callback.event != "death" for callback in node.batch.status().callbacks
            )

    def _call_all_back(self) -> None:
        while self.crew.callbacks:
            message = self.crew.callbacks[0]
            self.crew.queue.remove(message)
            try:
                self.site.run(message)
            except BatchNotFound:
                continue

    def _end_leases(self) -> None:
        """What somebody would wait for is due now: outbox items, blocks of the dead, callbacks that they ran."""
        store = self.client.store
        for node in self.nodes.values():
            keys = node.batch.keys
            for due in (keys.out, keys.holds):
                for item in store.run(command("ZRANGE", [due], [0, -1], list)):
                    store.run(command("ZADD", [due], ["XX", 0, item], int))
            for event in EVENTS:
                run = store.run(
                    command("HGET", [keys.record], [f"run:{event}:0"], lambda reply: (reply or b"").decode())
                )
                if ":" in run:
                    store.run(command("HSET", [keys.record], [f"run:{event}:0", f"0:{run.partition(':')[2]}"], int))

    def _compare(self, node: Node, status: Status) -> None:
        jobs = node.jobs.values()
        expected = {
            "total": len(jobs),
            "done": sum(job.done for job in jobs),
            "dead": sum(job.dead for job in jobs),
            "failing": sum(job.ran and not job.done and not job.dead for job in jobs),
            "children": len(node.children),
        }
        assert {name: getattr(status, name) for name in expected} == expected
        assert status.pending >= 0
        left = self.client.store.run(command("HGET", [node.batch.keys.record], ["left"], int))
        due = [c for c in status.callbacks if c.event != "death" and status.happened(c.event) and c.state != "done"]
        assert left == len(due), "callbacks that are left to run"

    def _faulty(self, crash: int | None, lossy: bool, action: Callable[[], object], node: Node | None = None) -> None:
        """Do it, and find out what came of it: of the batches that it made, and of the one that it added to."""
        known = set(self.nodes)
        try:
            with self.client.faults(crash, lossy=lossy):
                action()
        except Crashed:
            if node is not None:
                self._find_out(node)
        for bid in self.nodes.keys() - known:
            self._find_out(self.nodes[bid])
        self._note_pushed()

    def _define(self, shape: list[int], parent: Node | None, others: list[Node] | None = None) -> None:
        batch = Batch()
        for event in EVENTS:
            batch.on(event, heard.note, {"event": event})
        node = self.nodes[batch.bid] = Node(batch, children=list(others or []))
        if parent is not None:
            parent.children.append(node)
        with batch.jobs() as block:
            for _ in range(shape[0]):
                self.site.push(batch.bid)
            block.wait_for([Awaited(other.batch.bid) for other in others or []])
            if shape[1:]:
                self._define(shape[1:], node)

    def _find_out(self, node: Node) -> None:
        """What there is of a batch, after a crash perhaps nothing, perhaps with places for jobs that were never pushed."""
        keys = node.batch.keys
        record = self.client.store.run(command("HGETALL", [keys.record], [], list))
        fields = {name.decode(): value.decode() for name, value in zip(record[::2], record[1::2], strict=True)}
        if not fields:
            assert not [key for key in self.backend.raw.scan_iter() if node.batch.bid in key]
            del self.nodes[node.batch.bid]
            for other in self.nodes.values():
                other.children = [child for child in other.children if child is not node]
            return
        if int(fields["open"]) > 0:
            node.held = True
        places = self._places(node, fields)
        if not node.taken:
            node.children = [child for child in node.children if child.batch.bid in places]
        node.taken |= set(places.values())
        for position in set(range(int(fields["total"]))) - node.taken - set(node.jobs):
            node.jobs[position] = Job()

    def _places(self, node: Node, fields: dict[str, str]) -> dict[str, int]:
        """The places of children, and of those that are waited for."""
        store, places = self.client.store, dict[str, int]()
        for entry in fields.get("awaits", "").split():
            place, _, bid = entry.partition(":")
            places[bid] = int(place)
        for child in node.children:
            keys = child.batch.keys
            parent, place = store.run(command("HMGET", [keys.record], ["parent", "place"], list))
            if parent is not None and parent.decode() == node.batch.bid:
                places[child.batch.bid] = int(place)
        return places

    def _note_pushed(self) -> None:
        for message in self.crew.members:
            place = message.batch
            assert isinstance(place, Member)
            self.nodes[place.bid].jobs.setdefault(place.position, Job())
            self.messages.append(message)
            self.crew.queue.remove(message)


@pytest.mark.backends("embedded", "acl")
def test_random_lives_agree_with_the_model(backend: Backend, client: Shiftboss) -> None:
    machine = type("LivesHere", (Lives,), {"backend": backend})
    run_state_machine_as_test(machine, settings=_settings(25 if backend.name == "embedded" else 6))


def _settings(examples: int) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=40,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )


FAULTS = {
    "a repeat moves the counter": (
        "lib/members",
        "if redis.call('SETBIT', k.done, position, 1) == 0 then",
        "if redis.call('SETBIT', k.done, position, 1) then",
    ),
    "a parent is told before the child's callbacks are done": (
        "lib/batch",
        "if b.complete and b.left_complete == 0 then",
        "if b.complete then",
    ),
    "a consequence is not written down": (
        "lib/family",
        "redis.call('ZADD', k.out, now + grace, item)",
        "local _ = now",
    ),
    "a death after success counts": (
        "lib/members",
        "redis.call('GETBIT', k.done, position) == 0",
        "true",
    ),
    "a dead job that succeeds stays dead": (
        "lib/members",
        "if b.dead > 0 and redis.call('SETBIT', k.dead, position, 0) == 1 then",
        "if false then",
    ),
    "an event is decided again": ("lib/batch", "if not b.complete and b.ran == b.total", "if b.ran == b.total"),
    "those that wait are told nothing": ("lib/family", "if above[1] or above[2] then", "if above[1] then"),
    "children count as jobs": ("lib/members", "if is_child then redis", "if false then redis"),
}


@pytest.mark.backends("embedded")
@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught(
    backend: Backend, client: Shiftboss, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    file, right, wrong = FAULTS[fault]

    def read(name: str) -> str:
        text = packaged(name)
        if name == file:
            assert right in text
            text = text.replace(right, wrong)
        return text

    packaged = scripts._read_packaged
    monkeypatch.setattr(scripts, "_read_packaged", read)
    scripts.script.cache_clear()
    machine = type("LivesWithFault", (Lives,), {"backend": backend})
    try:
        with pytest.raises(Exception):  # noqa: B017 - whatever it breaks
            run_state_machine_as_test(machine, settings=_settings(100))
    finally:
        scripts.script.cache_clear()
        forget(backend)
