"""Jobs are looked up by name among those that were imported; one name is one job."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from shiftboss import Job, job
from shiftboss.engines.sidekiq import registry
from shiftboss.errors import ConfigError
from shiftboss.trusted import is_trusted

APP = """
from shiftboss import Job, job

@job
def resize(path): ...

class Crop(Job):
    def perform(self, path): ...

if __name__ == "__main__":
    print(resize.job_name, Crop.job_name)
"""


def test_a_job_is_found_by_its_name() -> None:
    @job(name="Resize")
    def resize(path: str) -> None: ...

    definition = registry.find("Resize")
    assert definition is not None
    assert definition.run is resize.definition.run
    assert registry.registered()["Resize"] is definition


def test_a_name_that_was_not_imported_is_not_found_and_not_imported() -> None:
    assert registry.find("antigravity.open") is None
    assert "antigravity" not in sys.modules


def test_two_jobs_of_one_name_are_refused_and_both_are_named() -> None:
    @job(name="Resize")
    def one() -> None: ...

    with pytest.raises(ConfigError) as caught:

        @job(name="Resize")
        def two() -> None: ...

    message = str(caught.value)
    assert message.startswith("two jobs are called 'Resize': ")
    assert f"{__name__}.test_two_jobs_of_one_name_are_refused_and_both_are_named.<locals>.one" in message
    assert "<locals>.two" in message
    assert registry.find("Resize") is one.definition


def test_the_same_job_again_replaces_the_first_as_a_reload_does() -> None:
    def define() -> object:
        @job
        def resize() -> None: ...

        return resize.definition

    first, second = define(), define()
    assert first is not second
    assert list(registry.registered().values()).count(second) == 1  # type: ignore[arg-type]
    assert first not in registry.registered().values()


def test_a_class_and_a_function_cannot_share_a_name() -> None:
    @job(name="Resize")
    def resize() -> None: ...

    with pytest.raises(ConfigError, match="two jobs are called 'Resize'"):

        class Resize(Job, name="Resize"):
            def perform(self) -> None: ...


def test_the_package_of_a_job_may_hold_callbacks() -> None:
    @job
    def resize() -> None: ...

    assert is_trusted(__name__)


@pytest.mark.parametrize(
    ("place", "command", "imported"),
    [
        ("app.py", ["app.py"], "app"),
        ("app.py", ["-m", "app"], "app"),
        ("pkg/jobs/app.py", ["pkg/jobs/app.py"], "pkg.jobs.app"),
        ("pkg/jobs/app.py", ["-m", "pkg.jobs.app"], "pkg.jobs.app"),
        ("pkg/jobs/__main__.py", ["-m", "pkg.jobs"], "pkg.jobs.__main__"),
        ("my-script.py", ["my-script.py"], None),
    ],
)
def test_a_program_and_a_worker_that_imports_it_use_one_name(
    tmp_path: Path, place: str, command: list[str], imported: str | None
) -> None:
    file = tmp_path / place
    file.parent.mkdir(parents=True, exist_ok=True)
    for folder in file.relative_to(tmp_path).parents[:-1]:
        (tmp_path / folder / "__init__.py").touch()
    file.write_text(APP)

    def output(*arguments: str) -> str:
        done = subprocess.run([sys.executable, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    name = imported or "__main__"
    assert output(*command) == f"{name}.resize {name}.Crop"
    if imported:
        assert output("-c", f"from {name} import *; print(resize.job_name, Crop.job_name)") == output(*command)


def test_at_a_prompt_a_job_can_be_defined_too(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-"], input=APP, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "__main__.resize __main__.Crop"
