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
    assert done.exit_code == 1
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
