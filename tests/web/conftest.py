"""A dashboard on each backend, and a browser that keeps cookies and sends what browsers send."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from shiftboss import Shiftboss
from shiftboss.web import Dashboard

TOKEN = re.compile(r'name="token" value="([^"]+)"')
SAME = {"sec-fetch-site": "same-origin"}


class Browser(TestClient):
    """Loads pages, and sends their forms."""

    def page(self, path: str) -> str:
        """The text of a page that is there."""
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    def token(self) -> str:
        """The token of this browser, from a page with a form."""
        return TOKEN.findall(self.get("/").text)[0]

    def act(self, path: str, action: str, **fields: Any) -> str:
        """Press a button; the text of the page that says what was done."""
        said = {"token": self.token(), "action": action, **fields}
        answer = self.post(path, data=said, headers=SAME)
        assert answer.status_code == 200, answer.text
        return answer.text


@pytest.fixture
def browse(client: Shiftboss) -> Iterator[Callable[..., Browser]]:
    """Makes browsers of a dashboard with these options."""
    browsers: list[Browser] = []

    def make(**options: Any) -> Browser:
        browser = Browser(Dashboard(client, **{"insecure": True, **options}), base_url="http://localhost:8787")
        browsers.append(browser.__enter__())
        return browser

    yield make
    for browser in browsers:
        browser.portal.call(client.aclose)
        browser.__exit__()


@pytest.fixture
def browser(browse: Callable[..., Browser]) -> Browser:
    return browse()
