"""Which queues a worker serves, and in which order it asks them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from shiftboss.engines.sidekiq.options import NAME_LIMIT, is_word
from shiftboss.errors import ConfigError

DEFAULT = ("default",)


@dataclass(frozen=True, slots=True)
class Queues:
    """Queue names with their weights; all weights None means: strictly in this order.

    Example:
        >>> Queues.parse(["critical", "low"]).order()
        ['critical', 'low']
    """

    names: tuple[str, ...]
    weights: tuple[int, ...] | None

    @classmethod
    def parse(cls, queues: Sequence[str | tuple[str, int]]) -> Queues:
        """From what a user writes: names, or pairs of name and weight. In a mixture a bare name weighs 1.

        Raises:
            ConfigError: No queue, a name twice, or a name or weight that cannot be right.
        """
        if isinstance(queues, str) or not queues:
            raise ConfigError(f"expected queues to be a list of names or (name, weight), got {queues!r}")
        names: list[str] = []
        weights: list[int | None] = []
        for queue in queues:
            name, weight = (queue, None) if isinstance(queue, str) else _pair(queue)
            if not is_word(name):
                raise ConfigError(f"expected a queue name of 1 to {NAME_LIMIT} characters without spaces, got {name!r}")
            if name in names:
                raise ConfigError(f"queue {name!r} is named twice")
            names.append(name)
            weights.append(weight)
        if not any(weights):
            return cls(tuple(names), None)
        return cls(tuple(names), tuple(weight or 1 for weight in weights))

    def order(self) -> list[str]:
        """The names in the order in which to ask now: a queue of weight 6 comes before one of weight 1 six times in seven."""
        if self.weights is None:
            return list(self.names)
        ranks = {name: random.random() ** (1 / weight) for name, weight in zip(self.names, self.weights, strict=True)}
        return sorted(self.names, key=ranks.__getitem__, reverse=True)


def _pair(queue: object) -> tuple[str, int]:
    match queue:
        case (str(name), int(weight)) if weight > 0 and weight is not True:
            return name, weight
    raise ConfigError(f"expected a queue to be a name or (name, weight of 1 or more), got {queue!r}")
