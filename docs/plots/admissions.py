"""Draws docs/plots/admissions.svg: what each kind of limiter admits, of five in a second, when somebody comes every 50 ms.

    python docs/plots/admissions.py > docs/plots/admissions.svg

The limiters are the real ones, on an in-process server whose clock this script moves.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta

import time_machine

from shiftboss import Shiftboss, limiters

START = datetime(2026, 1, 1, 12, 0, 0, 400_000, tzinfo=UTC)  # in the middle of a second of the clock
STEP, STEPS, EVERY, HOLD = 50, 60, 44, 400
FONT = 'font-family="sans-serif" font-size="13"'
LEFT, TOP, WIDTH, ROW = 96, 18, 11, 30


def admitted() -> dict[str, list[bool]]:
    """By kind, whether it admitted who came at each step."""
    with time_machine.travel(START, tick=False) as clock, Shiftboss("fake://plot"):
        kinds = {
            "bucket": limiters.bucket("b", 5, "second", wait_timeout=0),
            "window": limiters.window("w", 5, "second", wait_timeout=0),
            "leaky": limiters.leaky("l", 5, "second", wait_timeout=0),
            "concurrent": limiters.concurrent("c", 2, wait_timeout=0, lock_timeout=60),
        }
        held: list[tuple[int, limiters.Grant]] = []
        rows: dict[str, list[bool]] = {kind: [] for kind in kinds}
        for step in range(STEPS):
            clock.move_to(START + timedelta(milliseconds=step * STEP), tick=False)
            for ends, grant in [one for one in held if one[0] <= step * STEP]:
                grant.release()
                held.remove((ends, grant))
            for kind, limiter in kinds.items():
                got = limiter.try_acquire()
                rows[kind].append(got is not None)
                if isinstance(got, limiters.Grant):
                    held.append((step * STEP + HOLD, got))
    return rows


def draw(rows: dict[str, list[bool]]) -> str:
    """The picture, as SVG."""
    width, height = LEFT + STEPS * WIDTH + 10, TOP + len(rows) * ROW + 24
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    first = (1000 - START.microsecond // 1000) // STEP
    for step in range(first, STEPS, 1000 // STEP):
        x = LEFT + step * WIDTH
        lines.append(f'<line x1="{x}" y1="6" x2="{x}" y2="{height - 22}" stroke="#bbb" stroke-dasharray="3 3"/>')
    for number, (kind, row) in enumerate(rows.items()):
        y = TOP + number * ROW
        lines.append(f'<text x="6" y="{y + 5}" {FONT}>{kind}</text>')
        for step, yes in enumerate(row):
            x = LEFT + step * WIDTH + WIDTH // 2
            lines.append(f'<circle cx="{x}" cy="{y}" r="{4 if yes else 1.5}" fill="{"#16733f" if yes else "#999"}"/>')
    lines.append(
        f'<text x="{LEFT}" y="{height - 6}">three seconds; dashed: the clock\'s seconds; large: admitted</text>'
    )
    return "\n".join([*lines, "</svg>", ""])


if __name__ == "__main__":
    sys.stdout.write(draw(admitted()))
