"""The examples of web applications that show a batch's progress, run as their READMEs say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.backends import Backend
from tests.servers import free_port
from tests.waiting import wait_until

pytestmark = [pytest.mark.backends("embedded"), pytest.mark.own_keys]
ROOT = Path(__file__).resolve().parents[2] / "examples"
BIN = Path(sys.executable).parent
WORKER = [str(BIN / "shiftboss"), "worker", "--require", "app", "-c", "50"]
MANAGE = [sys.executable, "manage.py"]
# How its worker is started, and its server; the port follows.
WAYS = {
    "fastapi": (WORKER, [str(BIN / "uvicorn"), "app:app", "--port"]),
    "flask": (WORKER, [str(BIN / "flask"), "--app", "app", "run", "--port"]),
    "django": ([*MANAGE, "shiftboss", "worker", "-c", "50"], [*MANAGE, "runserver", "--noreload"]),
}


@pytest.fixture(params=WAYS)
def site(request: pytest.FixtureRequest, backend: Backend, tmp_path: Path) -> Iterator[httpx.Client]:
    worker, server = WAYS[request.param]
    folder, port = ROOT / f"{request.param}_progress", free_port()
    env = {**os.environ, "SHIFTBOSS_URL": backend.url}
    with ExitStack() as stack:
        log = stack.enter_context((tmp_path / "log").open("wb"))
        for command in (worker, [*server, str(port)]):
            process = subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log)
            stack.callback(process.wait, 10)
            stack.callback(process.kill)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:

            def answers() -> bool:
                try:
                    return client.get("/albums/none/progress").status_code == 404
                except httpx.TransportError:
                    return False

            wait_until(answers, 30, f"the server; {(tmp_path / 'log').read_text()[-500:]}")
            yield client


def test_an_album_is_begun_and_its_page_shows_how_far_it_is(site: httpx.Client) -> None:
    begun = site.post("/albums")
    assert begun.status_code in {302, 303}
    place = begun.headers["location"]
    assert re.fullmatch(r"/albums/[\w-]{16}", place)
    assert "<progress" in site.get(place).text
    wait_until(lambda: site.get(f"{place}/progress").json()["state"] == "succeeded", 30, "the album")
    told = site.get(f"{place}/progress").json()
    assert (told["done"], told["total"], told["progress"]) == (100, 100, 1.0)
