"""Callbacks in a module beside those of the jobs, which `install` names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.engines.conftest import Url
from tests.engines.shop import Shop
from tests.waiting import wait_until


@pytest.mark.parametrize(("number", "engine"), [(57, "celery"), (58, "dramatiq"), (59, "taskiq")])
def test_a_callback_runs_in_a_module_that_install_names_though_that_imports_the_jobs(
    number: int, engine: str, url: Url, tmp_path: Path
) -> None:
    shop = Shop(engine, url(number), tmp_path)
    jobs, album = re.split(r"(?=^class Album)", shop.module.read_text(), flags=re.MULTILINE)
    shop.module.write_text(
        re.sub(r"^install\((\w+)\)", r"install(\1, callback_modules=['album'])", jobs, flags=re.MULTILINE)
    )
    (tmp_path / "album.py").write_text(f"from shop.{shop.module.stem} import resize\n\n\n{album}")
    program = tmp_path / "program.py"
    program.write_text(program.read_text().replace("import Album, resize", "import resize\nfrom album import Album"))
    with shop.worker():
        shop.push_album()
        wait_until(lambda: "album 7: 3 photos" in shop.log.read_text(), 20, what="the callback")
