"""The job and the callback. Workers load them: `shiftboss worker --require jobs --queue manifest`."""

import hashlib
import json
import os
import stat
from pathlib import Path
from urllib.parse import quote_from_bytes, unquote_to_bytes

import redis

from shiftboss import job, limiters
from shiftboss.batches import Status

PAGE = 1_000
HOUR = 3_600
# At most four files are read at once, in all workers together. A job that waits longer comes again later.
reading = limiters.concurrent("manifest", 4, wait_timeout=30, lock_timeout=60)
connection = redis.Redis.from_url(os.environ.get("REDIS_URL", "redis://localhost:6379/0"))


@job(queue="manifest", retry=5)
def hash_file(results: str, number: int, root: str, path: str) -> None:
    """Hash one file. A file that cannot be read is a result too: trying again would not help."""
    fact = described(path)
    try:
        with reading.within_limit():
            fact |= hash_of(Path(unquoted(root), unquoted(path)))
    except OSError as error:
        fact |= {"reason": f"cannot be read: {error.strerror}"}
    keep(results, {f"file:{number}": fact})


class Manifest:
    """Called when every file has been hashed."""

    def on_success(self, status: Status, options: dict[str, str]) -> None:
        results, place = options["results"], Path(options["output"])
        half = place.with_name(f".{place.name}.{status.bid}")
        others = list(kept(results, "other"))
        with half.open("w", encoding="utf-8") as out:
            out.write('{"files": [')
            separator = "\n"
            for fact in kept(results, "file"):
                if "sha256" in fact:
                    out.write(separator + json.dumps(fact, ensure_ascii=False))
                    separator = ",\n"
                else:
                    others.append(fact)
            out.write('\n],\n"others": ' + json.dumps(others, ensure_ascii=False) + "}\n")
        half.replace(place)  # the manifest appears as a whole or not at all


def hash_of(path: Path) -> dict[str, int | str]:
    # Since it was listed, the file may have become a link or a pipe: follow no link, wait for no pipe.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, "is no regular file any more")
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return {"size": file.tell(), "sha256": sha256}


def quoted(name: str | Path) -> str:
    """A file's name is bytes that need not be text, and JSON holds nothing else: quoted as in a URL it is both."""
    return quote_from_bytes(os.fsencode(name))


def unquoted(text: str) -> str:
    return os.fsdecode(unquote_to_bytes(text))


def described(path: str) -> dict[str, object]:
    """A quoted name, with one to read."""
    return {"path": unquote_to_bytes(path).decode("utf-8", "replace"), "quoted": path}


def keep(results: str, facts: dict[str, dict[str, object]]) -> None:
    """Write results, each in a field of its own: a job that runs twice writes the same twice."""
    with connection.pipeline() as pipe:
        pipe.hset(results, mapping={field: json.dumps(fact) for field, fact in facts.items()})
        pipe.expire(results, HOUR)
        pipe.execute()


def kept(results: str, kind: str):
    """The results of a kind in the order of their numbers, a page at a time."""
    start = 0
    while True:
        page = connection.hmget(results, [f"{kind}:{number}" for number in range(start, start + PAGE)])
        yield from (json.loads(fact) for fact in page if fact is not None)
        if None in page:
            return
        start += PAGE
