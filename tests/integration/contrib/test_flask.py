"""Flask: jobs run in the application's context."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from flask import Flask, current_app, has_app_context

from shiftboss import job, server_middleware, testing
from shiftboss.contrib import flask

seen: list[str] = []


@job(name="flask.name")
def name() -> None:
    seen.append(current_app.name)


@job(name="flask.aname")
async def aname() -> None:
    await asyncio.sleep(0)
    seen.append(current_app.name)


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    before = server_middleware.links
    seen.clear()
    with testing.fake():
        yield
    server_middleware.links = before


def test_functions_and_coroutines_run_in_the_context_of_the_application() -> None:
    flask.init_app(Flask("shop"))
    name.perform_async()
    aname.perform_async()
    testing.drain_all()
    assert seen == ["shop", "shop"]
    assert not has_app_context()


def test_without_it_they_do_not() -> None:
    name.perform_async()
    with pytest.raises(RuntimeError, match="application context"):
        name.drain()
