"""A server with something of everything, for pages to show."""

from __future__ import annotations

import json
import time
from typing import Any

from shiftboss import Shiftboss, job, limiters, periodic
from shiftboss.batches import Batch
from shiftboss.keys import SidekiqKeys

JID = "0123456789abcdef01234567"
IDENTITY = "mine-7:4711:9f86d081884c"


@job(name="app.jobs.import_row", queue="import")
def import_row(row: int) -> None:
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
        _schedule(client)
        import_row.perform_bulk([(n,) for n in range(120)])
        import_row.perform_in(3600, 7)
    failed = {
        "error_class": "SMTPServerDisconnected",
        "error_message": "Connection unexpectedly closed",
        "retry_count": 2,
    }
    raw.zadd("retry", {payload(JID, **failed, failed_at=round(now * 1000) - 300_000): now + 120})
    raw.zadd("dead", {payload(JID, **failed, failed_at=round(now * 1000) - 3_600_000): now - 600})
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
    return bids


def _batches(client: Shiftboss) -> dict[str, str]:
    nightly = Batch(description="Nightly import", tags=["import", "nightly"], client=client)
    with nightly.jobs():
        for n in range(200):
            import_row.perform_async(n)
        child = Batch(description="Regions", tags=["import"], client=client)
        with child.jobs():
            import_row.perform_bulk([(n,) for n in range(40)])
    empty = Batch(description="October invoices", tags=["billing"], client=client)
    with empty.jobs():
        pass
    _settle(client, nightly.bid, 130, 6, 3)
    _settle(client, child.bid, 25, 0, 0)
    return {"nightly": nightly.bid, "child": child.bid, "empty": empty.bid}


def _settle(client: Shiftboss, bid: str, done: int, failed: int, dead: int) -> None:
    """Record outcomes of a batch's first members."""
    from shiftboss.batches import calls

    kept = json.dumps({"jid": JID, "error": "ValueError", "message": "no such region", "attempt": 0})
    said = [("s", "")] * done + [("f", kept)] * failed + [("d", kept)] * dead
    for start in range(0, len(said), 50):
        outcomes = [
            part for at, (code, text) in enumerate(said[start : start + 50], start) for part in (at, code, text)
        ]
        client.store.run(calls.ack(client.batch_keys(bid), bid, "", 1000, outcomes))


def _limiters() -> None:
    erp = limiters.concurrent("erp", 5, lock_timeout=60)
    for _ in range(4):
        erp.acquire()
    github = limiters.bucket("github", 5000, "hour")
    github.acquire(3120)
    limiters.window("sms", 100, "minute").acquire(100)
    limiters.points("graphql", 1000, refill_per_second=1).acquire(420)
    limiters.leaky("mail", 40, "minute").acquire(12)


def _schedule(client: Shiftboss) -> None:
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
