"""What `import shiftboss` costs: the median of fresh processes, less the same for an interpreter that imports nothing.

Run with a number to change how often (default 21), and with --details for the slowest modules.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import time

LIMIT_MS = 60


def milliseconds(statement: str) -> float:
    before = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return (time.perf_counter() - before) * 1000


def details() -> None:
    command = [sys.executable, "-X", "importtime", "-c", "import shiftboss"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stderr.splitlines()
    rows = [m.groups() for line in lines if (m := re.match(r"import time:\s+(\d+) \|\s+(\d+) \| (.*)", line))]
    for own, _, name in sorted(rows, key=lambda row: -int(row[0]))[:20]:
        print(f"  {int(own) / 1000:7.2f} ms  {name.strip()}")


def main(arguments: list[str]) -> None:
    runs = next((int(a) for a in arguments if a.isdigit()), 21)
    pairs = [(milliseconds("pass"), milliseconds("import shiftboss")) for _ in range(runs + 1)][
        1:
    ]  # the first one warms the disk
    bare, whole = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(
        f"import shiftboss: {whole - bare:.1f} ms (interpreter alone {bare:.1f} ms, {runs} runs, limit {LIMIT_MS} ms)"
    )
    if "--details" in arguments:
        details()


if __name__ == "__main__":
    main(sys.argv[1:])
