"""Runs one of the how-to's recipes: prints what an anonymous visitor, a user and an administrator get of `/jobs/`, as JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

from starlette.requests import Request


def fastapi() -> tuple[Any, Any]:
    import fastapi_site
    from starlette.testclient import TestClient

    @fastapi_site.app.get("/login-as/{name}")
    def login(request: Request, name: str) -> None:
        request.session["user"] = name

    return TestClient(fastapi_site.app), lambda client, name: client.get(f"/login-as/{name}")


def django() -> tuple[Any, Any]:
    from django.conf import settings

    settings.configure(
        SECRET_KEY="x" * 50,
        ALLOWED_HOSTS=["*"],
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "site.sqlite3"}},
        ROOT_URLCONF=(),
        LOGIN_URL="/login",
    )
    import django_site
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.test import Client
    from starlette.testclient import TestClient

    call_command("migrate", verbosity=0)
    for name in ("ada", "bob"):
        User.objects.create_user(name, is_staff=name == "ada")

    def login(client: Any, name: str) -> None:
        theirs = Client()
        theirs.force_login(User.objects.get(username=name))
        client.cookies.set(settings.SESSION_COOKIE_NAME, theirs.cookies[settings.SESSION_COOKIE_NAME].value)

    return TestClient(django_site.application), login


def flask() -> tuple[Any, Any]:
    import flask_site
    from flask_login import login_user

    @flask_site.app.get("/login-as/<name>")
    def login(name: str) -> str:
        login_user(flask_site.User(name))
        return name

    class Client:
        def __init__(self) -> None:
            self.client = flask_site.app.test_client()

        def get(self, path: str, follow_redirects: bool = False) -> Any:
            return self.client.get(path, follow_redirects=follow_redirects)

    return Client(), lambda client, name: client.get(f"/login-as/{name}")


client, log_in = {"fastapi": fastapi, "django": django, "flask": flask}[sys.argv[1]]()
said: dict[str, Any] = {}
for visitor in ("", "bob", "ada"):
    if visitor:
        log_in(client, visitor)
    answer = client.get("/jobs/", follow_redirects=False)
    text = answer.text() if callable(answer.text) else answer.text
    said[visitor or "anonymous"] = [answer.status_code, answer.headers.get("location", ""), "/jobs/queues" in text]
print(json.dumps(said))
