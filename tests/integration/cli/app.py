"""An application, as `shiftboss worker --require` loads it."""

from __future__ import annotations

import os
from typing import Any

import redis

from shiftboss import job
from shiftboss.batches import Status

connection = redis.Redis.from_url(os.environ["SHIFTBOSS_URL"])


@job
def note(text: str) -> None:
    connection.rpush("test:notes", text)


@job(queue="other")
def note_elsewhere(text: str) -> None:
    connection.rpush("test:notes", text)


class Noted:
    def on_success(self, status: Status, options: dict[str, Any]) -> None:
        connection.rpush("test:notes", f"{status.done} done, {options}")
