"""What `shiftboss worker` refuses before it works. That it works is shown in tests/integration/cli."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import MappingProxyType

import click
import pytest
from click.testing import Result

from shiftboss.cli.worker import parse_queues, worker
from shiftboss.engines.sidekiq import registry

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory with modules, and a process that knows no job."""
    known, path = set(sys.modules), list(sys.path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry, "_definitions", {})
    monkeypatch.setattr(registry, "registered", lambda: MappingProxyType({}))
    yield tmp_path
    sys.path[:] = path
    for name in set(sys.modules) - known:
        if getattr(sys.modules[name], "__file__", None) and str(tmp_path) in str(sys.modules[name].__file__):
            del sys.modules[name]


def test_it_does_not_start_without_jobs(shiftboss: Run, elsewhere: Path) -> None:
    advice = "give the module that defines them: shiftboss worker --require app.jobs\n"
    done = shiftboss("worker")
    assert (done.exit_code, done.stderr) == (2, f"shiftboss: no jobs are registered; {advice}")
    (elsewhere / "empty_of_jobs.py").write_text("")
    done = shiftboss("worker", "-r", "empty_of_jobs")
    assert (done.exit_code, done.stderr) == (2, f"shiftboss: no jobs are registered by empty_of_jobs; {advice}")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import nowhere_at_all", "ModuleNotFoundError: No module named 'nowhere_at_all'"),
        ("def (", "SyntaxError: "),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("raise SystemExit(3)", "it calls sys.exit(3)"),
        (
            "from shiftboss.batches import Batch\nBatch().on('success', 'nowhere_at_all:Thing')",
            "ConfigError: callback 'nowhere_at_all:Thing' cannot be imported",
        ),
        (
            "from shiftboss import Shiftboss, job\n@job\ndef work(x): ...\nwith Shiftboss('fake://x'): work.perform_async((1, 2))",
            "JobError: faulty.work: args[0]: tuple is not JSON; pass a list, got (1, 2)",
        ),
    ],
)
def test_a_module_that_cannot_be_imported_says_why(shiftboss: Run, elsewhere: Path, text: str, words: str) -> None:
    (elsewhere / "faulty.py").write_text(text)
    done = shiftboss("worker", "--require", "faulty")
    assert done.exit_code == 2
    assert done.stderr.startswith(f"shiftboss: cannot import faulty: {words}")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("given", "name"), [("app/jobs.py", "app.jobs"), ("./jobs.py", "jobs"), ("app/jobs", "app.jobs")]
)
def test_a_file_is_no_module(shiftboss: Run, given: str, name: str) -> None:
    done = shiftboss("worker", "--require", given)
    assert (done.exit_code, done.stderr) == (
        2,
        f"shiftboss: --require takes the name of a module, not its file: --require {name}\n",
    )


def test_queues_have_weights() -> None:
    param = next(param for param in worker.params if param.name == "queues")
    assert parse_queues(click.Context(worker), param, ("low", "critical,6")) == ["low", ("critical", 6)]


@pytest.mark.parametrize("text", ["", ",", ",3", "low,", "low,0", "low,-1", "low,1.5", "low,²", "a,b,c"])
def test_odd_queues_are_refused(shiftboss: Run, text: str) -> None:
    done = shiftboss("worker", "-q", text)
    assert done.exit_code == 2
    assert "expected a name" in done.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("concurency: 3", "unknown option 'concurency'; did you mean 'concurrency'?"),
        ("concurrency: many", "concurrency: 'many' is not a valid whole number"),
        ("concurrency: 0", "concurrency: 0 is not in the range 1<=x<=1000"),
        ("concurrency: true", "concurrency: expected one value, got True"),
        ("concurrency: [1, 2]", "concurrency: expected one value, got [1, 2]"),
        ("queue: [low,0]", "queue: expected a name"),
        ('queue: ["low,0"]', "queue: expected a name, or a name and a weight like critical,6, got 'low,0'"),
        ("queue: {low: 1}", "queue: expected a value or a list of them, got {'low': 1}"),
        ("reload: 1", "reload: expected true or false, got 1"),
        ("log-level: loud", "log-level: 'loud' is not one of 'debug', 'info', 'warning', 'error'"),
        ("- a\n- b", "expected options by their names, as in `concurrency: 10`, got ['a', 'b']"),
        ("a: [", "not YAML: "),
    ],
)
def test_a_config_file_is_checked(shiftboss: Run, elsewhere: Path, text: str, said: str) -> None:
    (elsewhere / "worker.yml").write_text(text)
    done = shiftboss("worker", "--config", "worker.yml")
    assert done.exit_code == 2
    assert done.stderr.startswith(f"shiftboss: worker.yml: {said}") or said == "queue: expected a name"
    assert done.stderr.count("\n") == 1


def test_a_config_file_has_to_be_there(shiftboss: Run, elsewhere: Path) -> None:
    done = shiftboss("worker", "--config", "nowhere.yml")
    assert (done.exit_code, done.stderr) == (2, "shiftboss: nowhere.yml: No such file or directory\n")


def test_a_config_file_gives_what_the_command_line_does_not(shiftboss: Run, elsewhere: Path) -> None:
    (elsewhere / "worker.yml").write_text("require: [nothing_a]\nconcurrency: 3\n")
    done = shiftboss("worker", "--config", "worker.yml")
    assert "cannot import nothing_a" in done.stderr
    done = shiftboss("worker", "--config", "worker.yml", "-r", "nothing_b")
    assert "cannot import nothing_b" in done.stderr


def test_processes_need_a_redis_that_they_share(shiftboss: Run) -> None:
    done = shiftboss("worker", "--processes", "2", "--redis", "fake://x")
    assert (done.exit_code, "2 processes need a Redis that they share, got fake://x" in done.stderr) == (2, True)
