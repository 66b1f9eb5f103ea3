"""A program that pushes families of batches until it is killed: `python -m tests.stress.definer URL TRACE SEED`.

Of each batch it tells the id before anything is pushed, with its parent's; and of each family when all of it is pushed. Some jobs
wait for a family that was pushed before.
"""

from __future__ import annotations

import random
import sys
import time

from shiftboss import Shiftboss
from shiftboss.batches import EVENTS, Batch, enqueue_after
from tests.stress.family_jobs import Dies, Ears, Waiter, Work, tell

SIZES = (0, 1, 1, 3, 10, 40)
LARGE = 1_500  # pushed in slices


class Definer:
    def __init__(self, trace: str, chance: random.Random) -> None:
        self.trace = trace
        self.chance = chance
        self.roots: list[Batch] = []

    def family(self) -> None:
        """One batch, and those below it."""
        root = self.batch(depth=self.chance.choice([0, 0, 1, 2, 3]), parent="-")
        tell(self.trace, "pushed", root.bid)
        self.roots.append(root)
        if self.chance.random() < 0.3:
            awaited = self.chance.choice(self.roots)
            waiting = enqueue_after([awaited, Work.call(self.trace, "well")], Waiter, self.trace)
            tell(self.trace, "waits", waiting.bid, awaited.bid)

    def batch(self, depth: int, parent: str) -> Batch:
        batch = Batch()
        for event in EVENTS:
            batch.on(event, Ears, {"trace": self.trace})
        tell(self.trace, "defined", batch.bid, parent)
        way = self.chance.choice(["block", "block", "autoflush", "held"])
        if way == "held" and parent == "-":
            with batch:
                for _ in range(self.chance.choice([1, 2, 3])):
                    self.fill(batch, depth, None)
        else:
            self.fill(batch, depth, 7 if way == "autoflush" else None)
        return batch

    def fill(self, batch: Batch, depth: int, autoflush: int | None) -> None:
        size = LARGE if autoflush is None and self.chance.random() < 0.02 else self.chance.choice(SIZES)
        with batch.jobs(autoflush=autoflush):
            for _ in range(size):
                self.push()
            for _ in range(self.chance.choice([1, 2, 3]) if depth else 0):
                self.batch(depth - 1, batch.bid)

    def push(self) -> None:
        kind = self.chance.random()
        if kind < 0.01:
            Dies.perform_async(self.trace)
        else:
            Work.perform_async(self.trace, "once" if kind < 0.03 else "well")


def main(url: str, trace: str, seed: str) -> None:
    chance = random.Random(int(seed))
    definer = Definer(trace, chance)
    with Shiftboss(url):
        while True:
            definer.family()
            time.sleep(chance.uniform(0, 0.03))


if __name__ == "__main__":
    main(*sys.argv[1:])
