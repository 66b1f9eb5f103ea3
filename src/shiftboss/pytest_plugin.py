"""Fixtures for tests of code that pushes jobs. pytest finds them by itself where Shiftboss is installed.

shiftboss_fake      jobs wait until the test runs them         `shiftboss.testing.fake`
shiftboss_inline    jobs run as they are pushed                `shiftboss.testing.inline`
shiftboss_store     as the first, on a real private server     needs ``shiftboss[embedded]``
shiftboss_clock     time stands still until it is moved        `shiftboss.testing.Clock`
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from shiftboss.testing import Clock, Sandbox


@pytest.fixture
def shiftboss_fake() -> Iterator[Sandbox]:
    """An empty sandbox: jobs wait until the test runs them."""
    from shiftboss.testing import fake

    with fake() as sandbox:
        yield sandbox


@pytest.fixture
def shiftboss_inline() -> Iterator[Sandbox]:
    """Jobs run as they are pushed."""
    from shiftboss.testing import inline

    with inline() as sandbox:
        yield sandbox


@pytest.fixture
def shiftboss_store() -> Iterator[Sandbox]:
    """A sandbox on a real server of this process's own, empty at first."""
    from shiftboss.client import Shiftboss
    from shiftboss.scripts import command
    from shiftboss.testing import fake

    client = Shiftboss("embedded://")
    client.store.run(command("FLUSHALL", [], [], bool))
    with fake(client) as sandbox:
        yield sandbox
    client.close()


@pytest.fixture
def shiftboss_clock() -> Iterator[Clock]:
    """A clock that stands still until it is moved."""
    from shiftboss.testing import Clock

    with Clock() as clock:
        yield clock
