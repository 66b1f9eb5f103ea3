"""Every operation of the client on Redis, as data: one function per Lua file in ``lua/sidekiq`` that pushes."""

from __future__ import annotations

from collections.abc import Sequence

from shiftboss.keys import SidekiqKeys
from shiftboss.scripts import Arg, Call, script


def push(keys: SidekiqKeys, token: str, queues: Sequence[str], ttl: int, messages: Sequence[Arg]) -> Call[bool]:
    """Push jobs, once; False if this push has been before. See ``lua/sidekiq/push.lua``.

    Args:
        keys: The protocol's keys.
        token: Names this push: the same one sent twice pushes once.
        queues: Names of the queues that jobs go to.
        ttl: Milliseconds for which a repeat is told.
        messages: Per job, at most 1,000: where it goes (the number of its queue among `queues`, from 1, or ``@`` and the
            second it is due), and its payload.
    """
    receipt, lists = keys.pushed(token), map(keys.queue, queues)
    return script("sidekiq/push").call(bool, [receipt, keys.queues, keys.schedule, *lists], [ttl, *queues, *messages])
