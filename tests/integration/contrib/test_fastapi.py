"""FastAPI: what the page on it shows, run as an application."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from shiftboss import testing

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "use-with-fastapi.md"


@pytest.mark.asyncio
async def test_a_batch_is_started_and_its_progress_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    code = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)[0]
    (tmp_path / "fastapi_page.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    app: Any = __import__("fastapi_page").app
    transport = httpx.ASGITransport(app=app)
    with testing.fake():
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://x") as http,
        ):
            bid = (await http.post("/albums", json=["a.png", "b.png"])).json()["batch"]
            before = (await http.get(f"/albums/{bid}")).json()
            missing = await http.get("/albums/" + "0" * 16)
        testing.drain_all()
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://x") as http,
        ):
            after = (await http.get(f"/albums/{bid}")).json()
    assert before == {"done": 0, "total": 2, "state": "running"}
    assert missing.status_code == 404
    assert after == {"done": 2, "total": 2, "state": "succeeded"}
