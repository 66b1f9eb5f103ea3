"""A site to test batches on, on every backend."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from shiftboss.client import Shiftboss
from tests.integration.batches import heard
from tests.integration.batches.crew import Crew, Site


@pytest.fixture
def site(new_client: Callable[..., Shiftboss]) -> Iterator[Site]:
    """A client whose jobs end as the test says; current."""
    crew = Crew()
    heard.CALLS.clear()
    heard.FAILURES.clear()
    with new_client(engine=crew) as client:
        yield Site(client, crew)
