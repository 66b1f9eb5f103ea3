"""The program that the page of an engine shows, in a directory of its own, with the worker that the page names."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.docs.pages import Fence, fences

BIN = Path(sys.executable).parent
# The command that the page names, as it names it.
WORKERS = {
    "celery": "celery -A shop.tasks worker",
    "dramatiq": "dramatiq shop.actors",
    "rq": "rq worker --with-scheduler -w shiftboss.engines.rq.ShiftbossWorker low default",
    "taskiq": "taskiq worker shop.tasks:broker",
}
# What keeps it small here; and where rq, which is not told by the module, finds its queues.
SMALL = {"celery": "-c 2", "dramatiq": "-p 1 -t 2", "rq": "--url {url}", "taskiq": "-w 1"}
ALBUM = "paths = ['a', 'b', 'c']\n"
AWAITED = "print(batch.join(timeout=40).state)\n"
RUN_START = """
import asyncio
async def main():
    await broker.startup()
    batch = await Batch.aopen(await start(['a', 'b', 'c']))
    print((await batch.ajoin(timeout=40)).state)
    await broker.shutdown()
from shop.tasks import broker
asyncio.run(main())
"""


def end_group(process: subprocess.Popen[bytes], seconds: float) -> None:
    """SIGTERM for a process and its children, and SIGKILL for what does not end in time."""
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


class Shop:
    """What the page shows, written down.

    Args:
        engine: Whose page.
        url: The Redis that takes the place of the page's.
        folder: Where to write it.
    """

    def __init__(self, engine: str, url: str, folder: Path) -> None:
        self.engine = engine
        self.folder = folder
        self.log = folder / "log"
        self._url = url
        self._environment = {
            **os.environ,
            "SHIFTBOSS_URL": url,
            "PYTHONPATH": str(folder),
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        module, program, *self.own_client = (
            fence for fence in fences(f"how-to/use-with-{engine}.md") if fence.language == "python"
        )
        assert module.file
        self.module = folder / module.file
        self.module.parent.mkdir()
        self.module.write_text(self.text_of(module))
        text = self.text_of(program)
        text = f"{text}\n{RUN_START}" if engine == "taskiq" else f"{ALBUM}{text}\n{AWAITED}"
        (folder / "program.py").write_text(text)

    def text_of(self, fence: Fence) -> str:
        """A block, with the Redis of this test in the place of the page's."""
        return re.sub(r"redis://localhost:6379/\d", self._url, fence.text)

    @contextmanager
    def worker(self, more: str = "") -> Iterator[subprocess.Popen[bytes]]:
        """The engine's worker, as the page says, and with more options if need be."""
        command, *words = f"{WORKERS[self.engine]} {SMALL[self.engine].format(url=self._url)} {more}".split()
        with self.log.open("w") as file:
            process = subprocess.Popen(
                [str(BIN / command), *words],
                cwd=self.folder,
                env=self._environment,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        try:
            yield process
        finally:
            end_group(process, 20)

    def push_album(self) -> None:
        """Run the program, which waits for its batch."""
        ran = self.run("program.py")
        assert ran.stdout.split()[-1:] == ["succeeded"], (ran.stderr, self.log.read_text())

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run Python there."""
        return subprocess.run(
            [sys.executable, *words],
            cwd=self.folder,
            env=self._environment,
            timeout=50,
            capture_output=True,
            text=True,
            check=False,
        )
