"""What people read when they ask for help, or for something that is not there."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import click
import pytest
from click.testing import CliRunner, Result

from shiftboss.cli.command import Command, Failure, Misuse
from shiftboss.cli.group import Root
from shiftboss.cli.root import COMMANDS
from shiftboss.errors import BatchNotFound, ConfigError, EntryNotFound, ScheduleError

Run = Callable[..., Result]


@pytest.mark.parametrize("module", ["shiftboss", "shiftboss.cli"])
def test_the_package_is_the_command(module: str) -> None:
    done = subprocess.run([sys.executable, "-m", module, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("shiftboss ")


def test_without_words_it_shows_its_help(shiftboss: Run) -> None:
    for words in ([], ["--help"]):
        done = shiftboss(*words)
        assert done.exit_code == 0
        assert "worker" in done.stdout
        assert "demo" in done.stdout
    assert "watch" in shiftboss("batches").stdout


def test_version(shiftboss: Run) -> None:
    from shiftboss.cli import main  # noqa: F401  the entry point of the distribution

    done = shiftboss("--version")
    assert (done.exit_code, done.stdout.split()[0]) == (0, "shiftboss")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["wroker"], "shiftboss: unknown command 'wroker'; did you mean 'worker'?"),
        (
            ["xyz"],
            f"shiftboss: unknown command 'xyz'; known are {', '.join(COMMANDS)}; see `shiftboss --help`",
        ),
        (["--redis", "redis://x", "stats"], "shiftboss: --redis goes after the command: shiftboss stats --redis URL"),
        (["--namespace=a"], "shiftboss: --namespace goes after the command: shiftboss COMMAND --namespace NAME"),
        (
            ["batches", "--debug", "show", "x"],
            "shiftboss: --debug goes after the command: shiftboss batches show x --debug",
        ),
        (
            ["batches", "wait", "x", "--timeout", "soon"],
            (
                "shiftboss batches wait: invalid value for '--timeout': 'soon' is not a valid number of seconds; "
                "see `shiftboss batches wait --help`"
            ),
        ),
        (["batches", "lst"], "shiftboss batches: unknown command 'lst'; did you mean 'ls'?"),
        (
            ["worker", "--concurency", "3"],
            "shiftboss worker: unknown option '--concurency'; did you mean '--concurrency'?",
        ),
        (["batches", "ls", "--jsn"], "shiftboss batches ls: unknown option '--jsn'; did you mean '--json'?"),
        (
            ["batches", "show"],
            "shiftboss batches show: missing argument 'BATCH'; see `shiftboss batches show --help`",
        ),
        (
            ["worker", "-q", "low,x"],
            (
                "shiftboss worker: invalid value for '-q' / '--queue': expected a name, or a name and a weight "
                "like critical,6, got 'low,x'; see `shiftboss worker --help`"
            ),
        ),
    ],
)
def test_a_wrong_word_is_answered_in_one_line(shiftboss: Run, words: list[str], line: str) -> None:
    done = shiftboss(*words)
    assert (done.exit_code, done.stderr, done.stdout) == (2, f"{line}\n", "")


@pytest.mark.parametrize(
    "words", [["worker"], ["demo"], ["batches", "ls"], ["batches", "show"], ["batches", "watch"]], ids=" ".join
)
def test_every_command_takes_the_common_options(shiftboss: Run, words: list[str]) -> None:
    text = shiftboss(*words, "--help").stdout
    for option in ("--redis", "--namespace", "--debug", *(["--json"] if words[0] == "batches" else [])):
        assert option in text


def test_the_help_names_a_number_as_the_documents_do(shiftboss: Run) -> None:
    assert "-n, --number N " in shiftboss("batches", "ls", "--help").stdout
    assert "--port N " in shiftboss("web", "--help").stdout


def test_the_help_says_where_options_go(shiftboss: Run) -> None:
    assert "Options go after the command, as in: shiftboss stats --redis URL" in shiftboss("--help").stdout


def test_the_help_of_a_demo_says_that_it_has_a_server_of_its_own(shiftboss: Run) -> None:
    text = " ".join(shiftboss("demo", "--help").stdout.split())
    assert "--redis URL The server of a demo. [default: a private one that ends with it]" in text
    assert "SHIFTBOSS_URL" not in text


@pytest.mark.parametrize("command", ["check", "schema"])
def test_a_command_that_needs_no_redis_offers_none_and_takes_one(shiftboss: Run, command: str) -> None:
    text = shiftboss("periodic", command, "--help").stdout
    assert "--redis" not in text
    assert "--namespace" not in text
    wrong = shiftboss(
        "periodic", command, "--redis", "redis://x", "--namespace", "a", *["nowhere.yml"] * (command == "check")
    )
    assert "unknown option" not in wrong.stderr


def test_help_loads_only_what_it_needs() -> None:
    code = (
        "import sys, json; sys.argv = ['shiftboss', '--help']; from shiftboss.cli import main\n"
        "try: main()\nexcept SystemExit: print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert loaded & {"rich", "redis", "asyncio", "msgspec"} == set()
    assert "click" in loaded


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (ConfigError("expected a thing"), 2, "shiftboss: expected a thing\n"),
        (BatchNotFound("no batch x"), 1, "shiftboss: no batch x\n"),
        (Failure("it failed"), 1, "shiftboss: it failed\n"),
        (Misuse("not so"), 2, "shiftboss: not so\n"),
        (
            FileNotFoundError(2, "No such file or directory", "x"),
            1,
            "shiftboss: [Errno 2] No such file or directory: 'x'\n",
        ),
        (
            ZeroDivisionError("by zero"),
            1,
            "shiftboss: ZeroDivisionError: by zero; this should not happen: see the traceback with --debug\n",
        ),
        (ConfigError("two\nlines \x1b[31m"), 2, "shiftboss: two lines \\x1b[31m\n"),
        (ScheduleError("one\x1b[31m\ntwo  things"), 2, "shiftboss: one\\x1b[31m\nshiftboss: two things\n"),
        (EntryNotFound("no entry x"), 1, "shiftboss: no entry x\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_what_a_command_raises_is_one_line_and_an_exit_code_and_of_a_schedule_a_line_for_each_fault(
    error: BaseException, code: int, line: str
) -> None:
    done = CliRunner().invoke(_raising(error), ["raise"])
    assert (done.exit_code, done.stderr) == (code, line)


def test_debug_shows_the_traceback_besides() -> None:
    done = CliRunner().invoke(_raising(ConfigError("expected a thing")), ["raise", "--debug"])
    assert done.exit_code == 2
    assert done.stderr.startswith("Traceback")
    assert done.stderr.endswith("shiftboss: expected a thing\n")


def _raising(error: BaseException) -> click.Group:
    @click.command("raise", cls=Command)
    def command(**_: object) -> None:
        raise error

    class Only(Root):
        def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
            return command

    return Only("shiftboss", lazy={"raise": ("", "", "")})
