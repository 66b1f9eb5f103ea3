"""What the pages of the web frameworks show runs, each in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.backends import Backend
from tests.docs.pages import fences

pytestmark = [pytest.mark.backends("embedded"), pytest.mark.own_keys]
FASTAPI = """
import time
from fastapi.testclient import TestClient
from shiftboss import current_client
from shiftboss.engines.sidekiq.worker import Worker
from app import app
with Worker(current_client()), TestClient(app) as site:
    bid = site.post("/albums", json=["a", "b"]).json()["batch"]
    while (told := site.get(f"/albums/{bid}").json())["state"] != "succeeded":
        time.sleep(0.01)
    assert told == {"done": 2, "total": 2, "state": "succeeded"}, told
    assert site.get("/albums/none").status_code == 404
print("it works")
"""
FLASK = """
import time
from shiftboss import Stats, current_client
from shiftboss.engines.sidekiq.worker import Worker
from app import app
with Worker(current_client()):
    assert app.test_client().post("/greet/it works").json["job"]
    while Stats.read().processed != 1:
        time.sleep(0.01)
"""
DJANGO = """
import os, time
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
import django
django.setup()
from django.core.management import call_command
from django.db import transaction
from shiftboss import Queue
from shop.jobs import send_receipt
from shop.models import Order
call_command("migrate", run_syncdb=True, verbosity=0)
with transaction.atomic():
    send_receipt.perform_async(Order.objects.create().pk)
    assert len(Queue("low")) == 0
assert len(Queue("low")) == 1
from shiftboss import current_client
from shiftboss.engines.sidekiq.worker import Worker
with Worker(current_client(), queues=["low"]):
    while not Order.sent:
        time.sleep(0.01)
print("it works")
"""
SETTINGS = """
from pathlib import Path
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": Path(__file__).parent / "db"}}
INSTALLED_APPS.append("shop")
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
"""
MODELS = """
from django.db import models

class Order(models.Model):
    sent = []

    def send_receipt(self):
        self.sent.append(self.pk)
"""


@pytest.mark.parametrize(("framework", "use"), [("fastapi", FASTAPI), ("flask", FLASK), ("django", DJANGO)])
def test_what_a_frameworks_page_shows_runs(framework: str, use: str, backend: Backend, tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    for fence in fences(f"how-to/use-with-{framework}.md"):
        if fence.file:
            (tmp_path / fence.file).write_text(re.sub(r"redis://db:6379/0", backend.url, fence.text))
    (tmp_path / "shop" / "models.py").write_text(MODELS)
    if framework == "django":
        with (tmp_path / "settings.py").open("a") as file:
            file.write(SETTINGS)
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", use],
        cwd=tmp_path,
        env={**os.environ, "SHIFTBOSS_URL": backend.url},
        timeout=50,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "it works" in ran.stdout
