"""The least that a hand-off can be: a process that blocks on a list and says when something came."""

from __future__ import annotations

import time

import redis
from counting import URL

plain = redis.Redis.from_url(URL)
while True:
    plain.blpop(["bench:bare"])
    plain.rpush("bench:stamps", time.perf_counter())
