"""A real browser, `shiftboss web` in a process of its own, and what is wrong with a page that a person would see."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.servers import require
from tests.waiting import wait_until

OPTIONS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


@contextmanager
def started_browser() -> Iterator[Any]:
    """Chromium, without a window."""
    from playwright.sync_api import sync_playwright

    path = require(shutil.which("chromium"), "no chromium on the PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(OPTIONS))
        yield browser
        browser.close()


@contextmanager
def served(url: str, *options: str) -> Iterator[str]:
    """The address of a dashboard."""
    command = [sys.executable, "-m", "shiftboss.cli", "web", "--redis", url, "--port", "0", *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        lines = iter(process.stderr.readline, "")
        yield next((line.strip().rstrip("/") for line in lines if line.startswith("http")), "it did not start")
    finally:
        process.terminate()
        process.wait(10)
        process.stderr.close()


class Watched:
    """A page of a browser, and all that went wrong on it.

    Args:
        browser: Which.
        base: The address of the dashboard.
        options: Of the browser's context, such as ``color_scheme``.
    """

    def __init__(self, browser: Any, base: str, **options: Any) -> None:
        self.base = base
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.wrong: list[str] = []
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        self.page.on("dialog", lambda dialog: self.wrong.append(f"dialog: {dialog.message}") or dialog.dismiss())
        self.page.on("request", self._asked)
        self.page.on("requestfailed", self._failed)

    def go(self, path: str) -> Any:
        """Load a page."""
        self.page.goto(self.base + path)
        return self.page

    def hurry(self) -> None:
        """From the next page on let its clock stand, but for `soon`."""
        self.page.clock.install()

    def wait_for(self, text: str) -> None:
        """Until a text is there."""
        self.page.get_by_text(text).first.wait_for(timeout=15_000)

    def is_wide(self) -> bool:
        """Whether the page is wider than the window."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))

    def barriers(self) -> list[str]:
        """What axe finds, one line each."""
        found = _axe().run(self.page).response["violations"]
        return [f"{one['id']}: {node['target']} {node['html'][:120]}" for one in found for node in one["nodes"]]

    def _failed(self, request: Any) -> None:
        if "ERR_ABORTED" not in request.failure:  # what is still on its way when the next page is asked for
            self.wrong.append(f"failed: {request.url} {request.failure}")

    def _said(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.wrong.append(f"console: {message.text}")

    def _asked(self, request: Any) -> None:
        if not request.url.startswith((self.base, "data:")):
            self.wrong.append(f"elsewhere: {request.url}")


def _axe() -> Any:
    from axe_playwright_python.sync_playwright import Axe

    return Axe()


def until(watched: Watched, predicate: Any, what: str) -> None:
    """Wait for something that the page does by itself; playwright goes on meanwhile."""

    def holds() -> bool:
        watched.page.wait_for_timeout(50)
        return bool(predicate())

    wait_until(holds, 15, what)


def soon(watched: Watched, predicate: Any, what: str) -> None:
    """Wait for something that the page does after a while, with its clock running fast; see `Watched.hurry`."""

    def holds() -> bool:
        watched.page.clock.run_for(1_000)
        watched.page.wait_for_timeout(20)
        return bool(predicate())

    wait_until(holds, 15, what)


def save(watched: Watched, path: Path) -> None:
    """A picture of the page."""
    watched.page.screenshot(path=str(path))
