"""What the pages of the engines show runs: their modules, their workers as the page starts them, their programs."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest

from tests.docs.pages import read
from tests.engines.conftest import Url
from tests.engines.shop import WORKERS, Shop
from tests.waiting import wait_until

NUMBERED = pytest.mark.parametrize(("number", "engine"), list(enumerate(WORKERS)), ids=list(WORKERS))


@NUMBERED
def test_what_an_engines_page_shows_runs(number: int, engine: str, url: Url, tmp_path: Path) -> None:
    shop = Shop(engine, url(46 + number), tmp_path)
    with shop.worker():
        shop.push_album()
        wait_until(lambda: "album 7: 3 photos" in shop.log.read_text(), 20, what="the callback")
    for fence in shop.own_client:
        # It stands where the module calls `install`.
        before, _, after = re.split(r"^(install\(.*)$", shop.module.read_text(), maxsplit=1, flags=re.MULTILINE)
        text = before + shop.text_of(fence) + after
        assert "configure(" in text
        ran = shop.run("-c", text)
        assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("engine", WORKERS)
def test_a_page_names_the_worker_that_was_tried(engine: str) -> None:
    assert WORKERS[engine] in read(f"how-to/use-with-{engine}.md")


def test_a_dramatiq_worker_that_is_told_to_reload_counts_on(url: Url, tmp_path: Path) -> None:
    """SIGHUP, which is what `--watch` sends itself."""
    shop = Shop("dramatiq", url(50), tmp_path)
    with shop.worker() as worker:
        shop.push_album()
        change(shop)
        worker.send_signal(signal.SIGHUP)
        wait_until(lambda: pushed_anew(shop), 40, what="the new source to be called back")


def test_a_taskiq_worker_that_reloads_itself_counts_on(url: Url, tmp_path: Path) -> None:
    shop = Shop("taskiq", url(51), tmp_path)
    with shop.worker("--reload --reload-dir shop"):
        shop.push_album()
        change(shop)
        wait_until(lambda: pushed_anew(shop), 40, what="the new source to be called back")


def change(shop: Shop) -> None:
    shop.module.write_text(shop.module.read_text().replace("album", "reloaded album"))


def pushed_anew(shop: Shop) -> bool:
    """Push a batch, which succeeds whichever source runs it; whether it was the new one."""
    shop.push_album()
    return "reloaded album 7: 3 photos" in shop.log.read_text()
