"""Tasks that only Celery has."""

from __future__ import annotations

from functools import partial
from typing import Any

from celery import Celery
from celery.exceptions import Ignore, Reject

from shiftboss.engines.celery import ShiftbossTask
from tests.engines.actions import await_gate, notes, over, put, slow


class Forgetful(ShiftbossTask):
    """Overrides what Celery offers for that, and does not call what was there."""

    abstract = True

    def on_success(self, *args: Any) -> None:
        put(self.request.args[0], "on_success")

    def on_failure(self, *args: Any) -> None:
        put(self.request.args[0], "on_failure")


def go_back_once(key: str) -> None:
    put(key, "tried")
    if len(notes(key)) == 1:
        raise Reject("not here", requeue=True)
    await_gate(key)


def define(app: Celery) -> None:
    """Define them on an app."""
    task = partial(app.task, shared=False)

    @task(name="conformance.ignores")
    def ignores(key: str) -> None:
        raise Ignore

    @task(name="conformance.rejects")
    def rejects(key: str) -> None:
        raise Reject("no", requeue=False)

    @task(name="conformance.goes_back", acks_late=True)
    def goes_back(key: str) -> None:
        go_back_once(key)

    @task(name="conformance.cannot_go_back", acks_late=False)
    def cannot_go_back(key: str) -> None:
        go_back_once(key)

    @task(name="conformance.unstorable")
    def unstorable(key: str) -> Any:
        return {object()}

    @task(name="conformance.limited_in_time", time_limit=1, acks_late=False)
    def limited_in_time(key: str) -> None:
        slow(key)

    @task(name="conformance.over_without_retries", max_retries=0)
    def over_without_retries(key: str, times: int) -> None:
        over(key, times)

    @task(name="conformance.retry_late", bind=True)
    def retry_late(self: Any, key: str) -> None:
        raise self.retry(exc=ValueError("later"), countdown=3600)

    @task(name="conformance.asks_again", bind=True)
    def asks_again(self: Any, key: str) -> None:
        if not self.request.retries:
            raise self.retry(countdown=0)

    @task(name="conformance.replaced", bind=True)
    def replaced(self: Any, key: str, several: bool = False) -> Any:
        sig = app.tasks["conformance.note"].si(key, "instead")
        return self.replace(sig | sig if several else sig)

    @task(name="conformance.forgetful", base=Forgetful)
    def forgetful(key: str, fail: bool) -> None:
        if fail:
            raise ValueError("as told")

    @task(name="conformance.keywords")
    def keywords(key: str, *, what: str) -> None:
        put(key, what)

    @task(name="conformance.as_callback")
    def as_callback(bid: str, options: dict[str, Any]) -> None:
        put(options["key"], ["task", bid])
