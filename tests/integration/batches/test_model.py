"""Random lives of batches, held against a small model: what must happen does, once, and nothing else.

Jobs are defined in trees, pushed, run, fail, die, are run again, are delivered twice; replies are lost and processes crash
between a decision and what follows from it; a reaper comes by. Members add members. In the end everything is run.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from shiftboss import outbox, scripts
from shiftboss.batches import Batch, Status, calls
from shiftboss.client import Shiftboss
from shiftboss.jobs import CurrentJob, Member, Message, Outcome, running
from shiftboss.store import command
from tests.backends import Backend, BackendClient, forget
from tests.integration.batches import heard
from tests.integration.batches.crew import CODES, Crew, Site

EVENTS = ("complete", "success", "death", "finished")
OUTCOMES = st.sampled_from([Outcome.SUCCEEDED, Outcome.SUCCEEDED, Outcome.FAILED, Outcome.DIED])


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
    """What the model knows of a batch, with all that was decided so far."""

    batch: Batch
    jobs: dict[int, Job] = field(default_factory=dict)
    children: list[Node] = field(default_factory=list)
    decided: set[str] = field(default_factory=set)

    def is_through(self, event: str) -> bool:
        """Whether a parent may count this child for an event: its own is decided, and the callbacks of that have run."""
        if event == "finished" and event in self.decided and "success" not in self.decided:
            return True
        if event == "complete":
            return event in self.decided and has_run(self.batch.bid, event)
        return "success" in self.decided and has_run(self.batch.bid, "complete", "success", "finished")

    def may(self, event: str) -> bool:
        """Whether an event may be decided now."""
        jobs = self.jobs.values()
        if event == "death":
            return any(job.ever_died for job in jobs) or any(child.may("death") for child in self.children)
        children = all(child.is_through(event) for child in self.children)
        each = {"complete": lambda j: j.ran, "success": lambda j: j.done, "finished": lambda j: j.done or j.dead}[event]
        return children and all(map(each, jobs))


class Lives(RuleBasedStateMachine):
    backend: Backend

    def __init__(self) -> None:
        super().__init__()
        self.site = Site(BackendClient(self.backend, engine=Crew()), Crew())
        crew = self.site.client.engine
        assert isinstance(crew, Crew)
        self.site.crew = crew
        self.nodes: dict[str, Node] = {}
        self.messages: list[Message] = []
        self.effects: Counter[str] = Counter()
        heard.CALLS.clear()
        heard.FAILURES.clear()
        self.site.client.__enter__()

    def teardown(self) -> None:
        try:
            self.run_to_the_end()
        finally:
            self.site.client.__exit__()
            strays = self.backend.strays()
            self.site.client.close()
            forget(self.backend)
        assert strays == []

    # what happens

    @initialize(shape=st.lists(st.integers(0, 3), min_size=1, max_size=3))
    def define_first(self, shape: list[int]) -> None:
        self.define(shape)

    @precondition(lambda self: len(self.nodes) < 12)
    @rule(shape=st.lists(st.integers(0, 3), min_size=1, max_size=4))
    def define(self, shape: list[int]) -> None:
        """A batch within a batch within a batch, each with so many jobs."""
        self._define(shape, None)
        self._note_pushed()

    @precondition(lambda self: self.messages)
    @rule(data=st.data(), outcome=OUTCOMES, twice=st.booleans(), crash=st.booleans())
    def run(self, data: st.DataObject, outcome: Outcome, twice: bool, crash: bool) -> None:
        """A job ends; perhaps it is reported twice, perhaps the process dies before it does what follows."""
        message = data.draw(st.sampled_from(self.messages))
        place = message.batch
        assert isinstance(place, Member)
        self.nodes[place.bid].jobs[place.position].end(outcome)
        keys = self.site.client.batch_keys(place.bid)
        report = calls.ack(keys, place.bid, "low", 0, [place.position, CODES[outcome], ""])
        if twice:
            self.site.client.store.run(report)  # the reply is lost with what it says
        items = self.site.client.store.run(report)
        if not crash:
            self.site.client.perform(outbox.perform(self.site.client, keys.out, items))

    @precondition(lambda self: self.messages)
    @rule(data=st.data(), count=st.integers(0, 2))
    def add_from_inside(self, data: st.DataObject, count: int) -> None:
        """A member that runs adds members, and a child, if its batch has not succeeded."""
        message = data.draw(st.sampled_from(self.messages))
        place = message.batch
        assert isinstance(place, Member)
        node = self.nodes[place.bid]
        if node.batch.status().success_at is not None:
            return
        # What is decided when the block ends is decided with what it added.
        with running(CurrentJob(message.id, "low", message)), Batch.known(place.bid).jobs():
            for _ in range(count):
                self.site.push(place.bid)
        self._note_pushed()

    @precondition(lambda self: self.site.crew.callbacks)
    @rule(data=st.data(), again=st.booleans(), fails=st.booleans())
    def call_back(self, data: st.DataObject, again: bool, fails: bool) -> None:
        """A callback runs; perhaps it fails at first, perhaps a copy of it comes later."""
        message = data.draw(st.sampled_from(self.site.crew.callbacks))
        if not again:
            self.site.crew.queue.remove(message)
        if fails:
            heard.FAILURES.append(RuntimeError("as it happens"))
        try:
            self.site.run(message)
        except RuntimeError:
            self.site.crew.queue.append(message)
        heard.FAILURES.clear()

    @rule()
    def reap(self) -> None:
        self.site.client.perform(outbox.reap(self.site.client, "reaper"))

    # what must be so

    @invariant()
    def counters_are_as_the_model_says_and_events_only_as_they_may(self) -> None:
        statuses = {bid: node.batch.status() for bid, node in self.nodes.items()}
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
            self._hurry()
            if not (self.site.client.perform(outbox.reap(self.site.client, "reaper")) or self.site.crew.callbacks):
                break
            self.site.call_back()
            self.counters_are_as_the_model_says_and_events_only_as_they_may()
        for node in self.nodes.values():
            due = {event for event in EVENTS if node.may(event)}
            # What was added after complete, or revived after death, takes no event back.
            assert due <= node.decided, f"{due - node.decided} of {node.batch.bid} never came"
        called = Counter((status.bid, options["event"]) for _, status, options in heard.CALLS)
        assert called == Counter({(bid, e): 1 for bid, node in self.nodes.items() for e in node.decided})

    def _hurry(self) -> None:
        """What the reaper would wait for is due now."""
        store = self.site.client.store
        for bid in self.nodes:
            out = self.site.client.batch_keys(bid).out
            for item in store.run(command("ZRANGE", [out], [0, -1], list)):
                store.run(command("ZADD", [out], ["XX", 0, item], int))

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

    def _define(self, shape: list[int], parent: Node | None) -> None:
        batch = Batch()
        for event in EVENTS:
            batch.on(event, heard.note, {"event": event})
        node = self.nodes[batch.bid] = Node(batch)
        if parent is not None:
            parent.children.append(node)
        with batch.jobs():
            for _ in range(shape[0]):
                self.site.push(batch.bid)
            if shape[1:]:
                self._define(shape[1:], node)

    def _note_pushed(self) -> None:
        for message in self.site.crew.members:
            place = message.batch
            assert isinstance(place, Member)
            self.nodes[place.bid].jobs[place.position] = Job()
            self.messages.append(message)
            self.site.crew.queue.remove(message)


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
