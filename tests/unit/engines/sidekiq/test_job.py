"""`@job` and `Job`: what becomes a job, what it still is, and what cannot be one."""

from __future__ import annotations

import functools
import inspect
import pickle
from typing import Any

import pytest

from shiftboss import Job, JobId, Shiftboss, job
from shiftboss.engines.sidekiq import registry
from shiftboss.errors import ConfigError, JobError
from shiftboss.jobs import CurrentJob, Message, current_job
from shiftboss.plan import Plan


class Collector:
    """An engine that keeps what it is asked to push."""

    name = "crew"
    joins_batches = False

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def enqueue(self, messages: Any) -> Plan[None]:
        self.messages += messages
        yield from ()


@pytest.fixture
def pushed() -> Any:
    engine = Collector()
    with Shiftboss("fake://jobs", engine=engine):
        yield engine.messages


@job(queue="low", retry=5)
def resize(path: str, width: int = 800) -> str:
    """Make it smaller."""
    return f"{path}:{width}"


@job
async def fetch(url: str) -> str:
    running = current_job()
    assert running is not None
    return f"{url} by {running.jid}"


class Crop(Job, queue="critical", retry=False, name="Crop"):
    def perform(self, path: str, width: int = 800) -> str:
        return f"{path}:{width}"


def test_a_job_can_still_be_called() -> None:
    assert resize("a.png", width=1) == "a.png:1"
    assert Crop().perform("a.png") == "a.png:800"


def test_it_keeps_its_name_signature_and_documentation() -> None:
    assert resize.__name__ == "resize"
    assert resize.__doc__ == "Make it smaller."
    assert resize.__module__ == __name__
    assert str(inspect.signature(resize)) == "(path: 'str', width: 'int' = 800) -> 'str'"


def test_payloads_call_it_by_module_and_qualified_name_unless_told_otherwise() -> None:
    assert resize.job_name == f"{__name__}.resize"
    assert Crop.job_name == "Crop"


def test_a_push_returns_the_id_and_leaves_the_running_to_others(pushed: list[Message]) -> None:
    jid = resize.perform_async("a.png", width=400)
    assert type(jid) is str
    assert len(jid) == 24
    assert int(jid, 16) >= 0
    assert pushed == [Message(resize.job_name, ("a.png", 400), "low", jid, None, None, {"retry": 5})]


def test_an_id_can_go_to_another_process() -> None:
    jid = JobId("b4a577edbccf1d805744efa9")
    assert pickle.loads(pickle.dumps(jid)) == jid
    assert Crop.perform_inline(jid) == f"{jid}:800"


def test_ids_differ(pushed: list[Message]) -> None:
    ids = [resize.perform_async("a.png") for _ in range(100)] + resize.perform_bulk([["a.png"]] * 100)
    assert len(set(ids)) == 200


def test_a_class_pushes_with_its_own_options(pushed: list[Message]) -> None:
    jid = Crop.perform_async("a.png")
    assert pushed == [Message("Crop", ("a.png",), "critical", jid, None, None, {"retry": False})]


def test_set_changes_only_this_push(pushed: list[Message]) -> None:
    resize.set(queue="high").set(retry=False, tags=["x"]).perform_async("a.png")
    Crop.set(queue="high", name="Ruby::Crop").perform_async("a.png")
    resize.perform_async("a.png")
    assert [(m.name, m.queue, m.options["retry"]) for m in pushed] == [
        (resize.job_name, "high", False),
        ("Ruby::Crop", "high", False),
        (resize.job_name, "low", 5),
    ]
    assert pushed[0].options["tags"] == ["x"]


def test_arguments_are_checked_before_anything_is_pushed(pushed: list[Message]) -> None:
    for wrong in (resize.perform_async, lambda: Crop.perform_async("a", 1, 2)):  # type: ignore[call-arg]
        with pytest.raises(JobError, match=r"expected \w+\(path, width=800\), got"):
            wrong()
    with pytest.raises(JobError, match=r"Crop: args\[0\]: tuple is not JSON"):
        Crop.perform_async((1, 2))
    with pytest.raises(ConfigError, match="did you mean 'queue'"):
        resize.set(queu="low")  # type: ignore[call-arg]
    assert pushed == []


@pytest.mark.parametrize("row", ["ab", 5, None, {"path": "a"}, {"a"}, b"a"])
def test_a_row_that_is_no_list_of_arguments_is_refused_with_its_number(pushed: list[Message], row: Any) -> None:
    with pytest.raises(JobError, match=r"row 2: expected a list or tuple of arguments, got"):
        resize.perform_bulk([("a",), ("b",), row])
    assert pushed == []


def test_a_row_that_does_not_fit_is_refused_with_its_number(pushed: list[Message]) -> None:
    with pytest.raises(JobError, match=r"expected resize\(path, width=800\), got \(\) \(row 1001\)"):
        resize.perform_bulk([("a",) if n != 1001 else () for n in range(2000)])
    assert len(pushed) == 1000


def test_inline_runs_through_json_here_and_now(pushed: list[Message]) -> None:
    @job
    def keep(value: Any) -> tuple[Any, CurrentJob | None]:
        return value, current_job()

    given = {"a": [1]}
    value, running = keep.perform_inline(given)
    assert value == given
    assert value is not given
    assert running is not None
    assert (running.queue, len(running.jid), running.retry_count) == ("default", 24, 0)
    assert current_job() is None
    with pytest.raises(JobError, match="set is not JSON"):
        keep.perform_inline({1})
    assert Crop.perform_inline("a.png") == "a.png:800"
    assert pushed == []


@pytest.mark.asyncio
async def test_inline_gives_a_coroutine_of_a_coroutine_function() -> None:
    assert (await fetch.perform_inline("x")).startswith("x by ")
    assert fetch.definition.is_async
    assert current_job() is None


def test_a_class_inherits_options_but_not_the_name() -> None:
    class Base(Job, queue="low", retry=3):
        pass

    class Small(Base, name="Small"):
        def perform(self) -> str:
            return "small"

    class Smaller(Small, retry=4):
        pass

    assert (Smaller.job_options.queue, Smaller.job_options.retry) == ("low", 4)
    assert Smaller.job_name.endswith("<locals>.Smaller")
    assert Smaller.perform_inline() == "small"
    with pytest.raises(ConfigError, match=r"Base is not a job; give it a method perform"):
        Base.perform_async()


def test_each_run_has_an_instance_of_its_own() -> None:
    class Who(Job):
        def perform(self) -> Who:
            return self

    assert Who.perform_inline() is not Who.perform_inline()


def test_a_coroutine_method_makes_an_async_job() -> None:
    class Load(Job):
        async def perform(self, url: str) -> None: ...

    definition = registry.find(Load.job_name)
    assert definition is not None
    assert definition.is_async


def test_static_and_class_methods_will_do_as_perform() -> None:
    class Static(Job):
        @staticmethod
        def perform(value: int) -> int:
            return value

    class OfClass(Job):
        @classmethod
        def perform(cls, value: int) -> int:
            return value

    assert (Static.perform_inline(1), OfClass.perform_inline(2)) == (1, 2)


def test_the_worker_finds_the_hooks_of_those_that_have_some() -> None:
    calls: list[Any] = []

    class Careful(Job):
        def perform(self) -> None: ...

        def retry_in(self, count: int, error: BaseException) -> float:
            return count * 10.0

        def exhausted(self, job: Any, error: BaseException) -> None:
            calls.append((job, error))

    definition = registry.find(Careful.job_name)
    assert definition is not None
    assert definition.retry_in is not None
    assert definition.exhausted is not None
    error = ValueError()
    definition.exhausted("job", error)
    assert (definition.retry_in(2, error), calls) == (20.0, [("job", error)])
    plain = registry.find("Crop")
    assert plain is not None
    assert (plain.retry_in, plain.exhausted) == (None, None)


def generator() -> Any:
    yield


async def async_generator() -> Any:
    yield


class Owner:
    def method(self) -> None: ...


@pytest.mark.parametrize(
    ("thing", "reason"),
    [
        ("critical", "expected a function under @job or @job(queue=...), got 'critical'"),
        (5, "expected a function"),
        (Owner, "a class derives from Job instead"),
        (functools.partial(generator), "expected a function"),
        (resize, "is a job already"),
        (generator, "got a generator, whose body would never run"),
        (async_generator, "got a generator"),
        (Owner.method, "Owner.method is a method"),
        (lambda: None, "a lambda has no name by which a worker finds it; use def, or @job(name=...)"),
    ],
)
def test_what_cannot_be_a_job_is_refused_where_it_is_defined(thing: Any, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        job(thing)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_options_are_refused_at_the_definition() -> None:
    with pytest.raises(ConfigError, match="unknown job option 'retries'; did you mean 'retry'"):
        job(retries=3)  # type: ignore[call-overload]
    with pytest.raises(ConfigError, match="unknown job option 'retries'; did you mean 'retry'"):

        class Wrong(Job, retries=3):  # type: ignore[call-arg]
            def perform(self) -> None: ...

    with pytest.raises(ConfigError, match="is to be called 'Nothing' but has no method perform"):

        class Nothing(Job, name="Nothing"):
            pass


def test_a_job_says_what_it_is() -> None:
    assert repr(resize) == f"<job {__name__}.resize on low>"
