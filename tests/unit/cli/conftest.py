"""Running commands in this process."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import count
from unittest import mock

import pytest
from click.testing import CliRunner, Result

from shiftboss.cli.root import cli
from shiftboss.store import servers

Shiftboss = Callable[..., Result]
_numbers = count()


@pytest.fixture
def shiftboss() -> Iterator[Shiftboss]:
    """Runs the command with these words. What it tells the user's modules by the environment ends with the test."""
    runner = CliRunner()

    def run(*words: str, answer: str | None = None) -> Result:
        return runner.invoke(cli, list(words), prog_name="shiftboss", input=answer)

    with mock.patch.dict(os.environ):
        yield run


@pytest.fixture
def url() -> str:
    """A fake server that commands and test share."""
    name = f"cli-{next(_numbers)}"
    yield f"fake://{name}"
    servers._fakes.pop(name, None)
