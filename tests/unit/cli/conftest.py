"""Running commands in this process."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest
from click.testing import CliRunner, Result

from shiftboss.cli.root import cli
from shiftboss.store import servers

Shiftboss = Callable[..., Result]
_numbers = count()


@pytest.fixture
def shiftboss() -> Shiftboss:
    """Runs the command with these words."""
    runner = CliRunner()

    def run(*words: str, answer: str | None = None) -> Result:
        return runner.invoke(cli, list(words), prog_name="shiftboss", input=answer)

    return run


@pytest.fixture
def url() -> str:
    """A fake server that commands and test share."""
    name = f"cli-{next(_numbers)}"
    yield f"fake://{name}"
    servers._fakes.pop(name, None)
