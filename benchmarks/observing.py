"""What it costs a worker to be observed: no-op jobs a second with nothing, with `--metrics`, and with a trace of each run.

All in turn in every round, on the same Redis; the median of the rounds counts.

    python benchmarks/observing.py [jobs [rounds]]        default 30000 5
"""

from __future__ import annotations

import socket
import sys
from dataclasses import replace
from statistics import median

from worker import pace, peers, server


def main(jobs: int, rounds: int) -> None:
    with socket.socket() as free, server() as url:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        plain = peers(url)[0]
        traced = [word.replace("shiftboss_app", "traced_app") for word in plain.command]
        ways = {
            "nothing": plain,
            "metrics": replace(plain, command=[*plain.command, "--metrics", str(port)]),
            "traces": replace(plain, name="traced", command=traced),
        }
        paces: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(rounds):
            for way, peer in ways.items():
                measured = pace(peer, url, jobs)
                if measured is None:
                    sys.exit(f"{way}: the jobs did not end in time")
                paces[way].append(measured)
    alone = median(paces["nothing"])
    for way in ways:
        now = median(paces[way])
        print(f"{way:<8} {now:>8,.0f} jobs/s   {1e6 / now - 1e6 / alone:6.1f} us a job more")


if __name__ == "__main__":
    main(*(int(word) for word in [*sys.argv[1:], *["30000", "5"][len(sys.argv) - 1 :]]))
