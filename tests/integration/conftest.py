"""What integration tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.backends import Backend
from tests.proxy import FaultProxy


@pytest.fixture
def proxy(backend: Backend) -> Iterator[FaultProxy]:
    """A proxy before the backend's server."""
    assert backend.process is not None
    with FaultProxy(backend.process.address) as proxy:
        yield proxy
