"""A server with something of everything, for pages to show."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from shiftboss import Shiftboss, job, limiters, periodic
from shiftboss.batches import Batch, calls
from shiftboss.engines.sidekiq.worker.measuring import Row, telling
from shiftboss.keys import CountKeys, PeriodicKeys, SidekiqKeys

JID = "0123456789abcdef01234567"
NAMES = ("app.jobs.send_invoice", "app.jobs.import_row", "app.jobs.resize")
ERRORS = (
    ("TimeoutError", "no answer of api.example.com within 10 s"),
    ("IntegrityError", "duplicate key value violates unique constraint invoices_number"),
    ("ValueError", "expected an amount, got ''"),
)
SCRIPT = "</title></script><script>alert(1)</script><img src=x onerror=alert(1)>\"'><b>{{7*7}}"
IDENTITY = "mine-7:4711:9f86d081884c"


@job(name="app.jobs.import_row", queue="import")
def import_row(row: object) -> None:
    """Nothing."""


def payload(jid: str, name: str = "app.jobs.send_invoice", args: Any = (4711, "ada@example.com"), **more: Any) -> str:
    """A job as Redis has it."""
    now = round(time.time() * 1000)
    said = {"class": name, "args": list(args), "queue": "mail", "jid": jid, "retry": 25, "created_at": now, **more}
    return json.dumps(said)


def fill(raw: Any, client: Shiftboss) -> dict[str, str]:
    """Something of everything; the ids that tests ask for."""
    now = time.time()
    with client:
        bids = _batches(client)
        _limiters()
        _schedule()
        import_row.perform_bulk([(n,) for n in range(120)])
        import_row.perform_in(3600, 7)
    _history(raw, now, client.namespace)
    _attempts(raw, now, client.namespace)
    failed = {
        "error_class": "SMTPServerDisconnected",
        "error_message": "Connection unexpectedly closed",
        "retry_count": 2,
    }
    raw.zadd("retry", {payload(JID, **failed, failed_at=round(now * 1000) - 300_000): now + 120})
    raw.zadd("dead", {payload(JID, **failed, failed_at=round(now * 1000) - 3_600_000): now - 600})
    for n in range(8):
        jid, error = f"{n:024x}", ERRORS[n % len(ERRORS)]
        more = {
            "error_class": error[0],
            "error_message": error[1],
            "retry_count": n,
            "failed_at": round(now * 1000) - n * 60_000,
        }
        name = NAMES[n % len(NAMES)]
        raw.zadd("retry", {payload(jid, name, (n, "2026-11"), **more): now + 150 + n * n * 30})
    raw.lpush("queue:mail", payload(JID, enqueued_at=round(now * 1000) - 42_000))
    raw.sadd("queues", "mail")
    _processes(raw, now)
    _counts(raw, now)
    kept = {
        "jid": JID,
        "class": "app.jobs.send_invoice",
        "queue": "mail",
        "error": "SMTPServerDisconnected",
        "message": "Connection unexpectedly closed",
        "attempt": 2,
        "host": "mine-7",
        "kept": "retry",
        "backtrace": ['File "app/jobs.py", line 42, in send_invoice', 'File "smtplib.py", line 398, in getreply'],
    }
    keys = SidekiqKeys(client.namespace)
    raw.lpush(keys.failures, f"{round(now * 1000)} {json.dumps(kept)}")
    raw.expire(keys.failures, 1000)
    _measured(client, "app.jobs.send_invoice")
    return bids


def _measured(client: Shiftboss, name: str) -> None:
    """Runs of a job a few minutes ago."""
    at = datetime.now(UTC) - timedelta(minutes=5)
    client.store.run(telling(SidekiqKeys(client.namespace), at, {name: Row(120, 20, 5_000, {3: 100})}))


def _batches(client: Shiftboss) -> dict[str, str]:
    empty = Batch(description="Invoices of a month without any", tags=["billing"], client=client)
    with empty.jobs():
        pass
    nightly = Batch(description="Nightly import", tags=["import", "nightly"], client=client)
    nightly.on("success", "app.reports:Imported", check=False).on("death", "app.alerts:page", check=False)
    with nightly.jobs():
        for n in range(200):
            import_row.perform_async(n)
        child = Batch(description="Regions", tags=["import"], client=client)
        with child.jobs():
            import_row.perform_bulk([(n,) for n in range(40)])
    thumbnails = Batch(description="Thumbnails of the autumn catalogue", tags=["images"], client=client)
    with thumbnails.jobs():
        import_row.perform_bulk([(n,) for n in range(320)])
    _settle(client, thumbnails.bid, 241, 4, 0)
    _settle(client, nightly.bid, 130, 6, 3)
    _settle(client, child.bid, 25, 0, 0)
    return {"nightly": nightly.bid, "child": child.bid, "empty": empty.bid}


def _settle(client: Shiftboss, bid: str, done: int, failed: int, dead: int) -> None:
    """Record outcomes of a batch's first members."""
    kept = json.dumps({"jid": JID, "error": "ValueError", "message": "no such region", "attempt": 0})
    said = [("s", "")] * done + [("f", kept)] * failed + [("d", kept)] * dead
    for start in range(0, len(said), 50):
        outcomes = [
            part for at, (code, text) in enumerate(said[start : start + 50], start) for part in (at, code, text)
        ]
        client.store.run(calls.ack(client.batch_keys(bid), bid, "", 1000, outcomes))


def _limiters() -> None:
    erp = limiters.concurrent("erp", 5, lock_timeout=300, wait_timeout=0)
    for _ in range(4):
        erp.acquire()
    limiters.bucket("github", 5000, "hour", wait_timeout=0).acquire(3120)
    limiters.window("sms", 100, "minute", wait_timeout=0).acquire(100)
    limiters.points("graphql", 1000, refill_per_second=1, wait_timeout=0).acquire(420)
    limiters.leaky("mail", 40, "minute", wait_timeout=0).acquire(12)


def _attempts(raw: Any, now: float, namespace: str) -> None:
    """What was counted of a limiter in the last hour."""
    keys = CountKeys(namespace, "concurrent", "erp")
    totals = [0] * 7
    for ago in range(59, -1, -1):
        minute = int(now) // 60 - ago
        admitted, over = 40 + (ago * 37) % 25, max(0, (ago * 13) % 29 - 22)
        numbers = [admitted, admitted - 9, 9, 9 * 420_000, admitted * 1_300_000, over, int(ago == 17)]
        raw.hset(keys.minutes, str(minute % 480), ":".join(map(str, [minute, *numbers])))
        totals = [a + b for a, b in zip(totals, numbers, strict=True)]
    raw.hset(keys.counts, mapping={str(n): total for n, total in enumerate(totals, 1)})
    raw.expire(keys.minutes, 1000)
    raw.expire(keys.counts, 1000)


def _schedule() -> None:
    put = periodic.put
    put(
        "nightly-report",
        job="app.jobs.report",
        cron="0 3 * * *",
        timezone="Europe/Berlin",
        description="Totals of the day",
    )
    put("heartbeat", job="app.jobs.beat", every=90)
    put("cleanup", job="app.jobs.clean", cron="30 2 * * 7", timezone="America/New_York")
    periodic.pause("cleanup")


def _history(raw: Any, now: float, namespace: str) -> None:
    for entry, every, outcomes in (
        ("nightly-report", 86_400, ("enqueued", "enqueued", "caught up", "too old", "enqueued")),
        ("heartbeat", 90, ("enqueued",) * 8),
    ):
        key = PeriodicKeys(namespace, "default").history(entry)
        for ago, outcome in reversed(list(enumerate(outcomes, 1))):
            planned = round((now - ago * every) * 1000)
            line = {"planned": planned, "at": planned + 12 * ago, "lateness": 12 * ago, "outcome": outcome, "term": 3}
            ended = {"ended": "died" if outcome == "caught up" else "succeeded", "ended_at": planned + 4_200}
            gone = outcome == "too old"
            raw.lpush(key, json.dumps({**line, "jid": "" if gone else JID, **({"missed": 3} if gone else ended)}))
        raw.expire(key, 1000)


def _processes(raw: Any, now: float) -> None:
    info = {"hostname": "mine-7", "pid": 4711, "concurrency": 10, "queues": ["critical", "mail", "import"]}
    info |= {"labels": ["python"], "started_at": now - 7200, "identity": IDENTITY}
    raw.sadd("processes", IDENTITY)
    raw.hset(IDENTITY, mapping={"info": json.dumps(info), "busy": 2, "quiet": "false", "rss": 84_000, "beat": now})
    raw.expire(IDENTITY, 1000)
    for thread in ("t1", "t2"):
        work = {"queue": "mail", "payload": payload(JID), "run_at": round(now) - 5}
        raw.hset(f"{IDENTITY}:work", thread, json.dumps(work))
    raw.expire(f"{IDENTITY}:work", 1000)


def _counts(raw: Any, now: float) -> None:
    raw.mset({"stat:processed": 1_204_311, "stat:failed": 1_207})
    for ago in range(90):
        day = time.strftime("%Y-%m-%d", time.gmtime(now - ago * 86400))
        runs = 28_000 + (ago * 7919) % 17_000
        raw.set(f"stat:processed:{day}", runs, ex=1000)
        raw.set(f"stat:failed:{day}", (ago * 131) % 900, ex=1000)


def fill_with(text: str, raw: Any, client: Shiftboss) -> str:
    """A text in every string that Redis holds; the id of a batch."""
    now, name = time.time(), text.replace(" ", "")
    said = payload(
        text, text, [text, {text: text}], queue=text, error_class=text, error_message=text, retry_count=1,
        **{text: text}, tags=[text], sbm=[text, 1],
    )  # fmt: skip
    for place in ("retry", "schedule", "dead"):
        raw.zadd(place, {said: now, f"{text}{place}": now})
    raw.sadd("queues", name)
    raw.lpush(f"queue:{name}", said, text)
    raw.sadd("processes", name)
    info = {
        "hostname": text,
        "queues": [text],
        "labels": [text],
        "concurrency": 1,
        "tag": text,
        "started_at": now,
    }
    raw.hset(name, mapping={"info": json.dumps(info), "busy": 1, "quiet": text, "rss": 1, "beat": now})
    raw.hset(f"{name}:work", text, json.dumps({"queue": text, "payload": said, "run_at": now}))
    failed = {"jid": text, "class": text, "queue": text, "error": text, "message": text, "host": text}
    raw.lpush(
        "sb:failures",
        f"{round(now * 1000)} {json.dumps({**failed, 'kept': text, 'backtrace': [text], 'attempt': 1})}",
    )
    _measured(client, text)
    batch = Batch(description=text, tags=[text], client=client)
    with batch.jobs():
        import_row.perform_async(text)
        import_row.perform_async(text)
    kept = json.dumps({"jid": text, "error": text, "message": text, "attempt": 0})
    client.store.run(calls.ack(batch.keys, batch.bid, "", 1000, [0, "f", kept]))
    called = json.dumps({"target": text, "options": {}})
    raw.hset(batch.keys.record, mapping={"callbacks:success": 1, "call:success:0": called, "run:success:0": "died"})
    limiters.concurrent("evil", 2, wait_timeout=0).acquire()
    raw.zadd("sb:{concurrent:evil}:leases", {f"{text.replace('.', '')}.1.1000": (now + 50) * 1000})
    periodic.put("evil", job=text, queue=text.replace(" ", "/"), every=60, description=text, tags=[text])
    line = {
        "planned": None,
        "at": round(now * 1000),
        "lateness": 0,
        "outcome": text,
        "jid": text,
        "term": 0,
        "ended": text,
    }
    raw.lpush("sb:{periodic:default}:history:evil", json.dumps(line))
    raw.sadd("sb:schedules", text)
    raw.set("sb:{periodic:default}:leader", f"{text}|1|x")
    return batch.bid
