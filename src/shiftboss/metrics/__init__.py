"""Prometheus metrics (extra ``metrics``): of this process, from its events; and of what Redis holds. OpenTelemetry spans.

    observe()                            this process: runs, refusals, waits, ticks; in every process
    watch_state(client)                  queues, sets, processes, batches, schedules; in one process for each Redis
    trace_jobs()                         spans around runs, as children of what pushed them
    serve("127.0.0.1:9394")              both kinds are read by Prometheus there, or wherever your app shows its own

``shiftboss worker --metrics 9394`` observes and serves; the dashboard shows the state at ``/metrics``.
"""

from __future__ import annotations

from shiftboss.errors import ConfigError

try:
    import prometheus_client
except ImportError as error:
    raise ConfigError("prometheus-client is not installed; run: pip install 'shiftboss[metrics]'") from error

from shiftboss.metrics.observing import observe
from shiftboss.metrics.serving import address_of, exposition, serve
from shiftboss.metrics.state import State, watch_state
from shiftboss.metrics.tracing import trace_jobs

__all__ = ["State", "address_of", "exposition", "observe", "serve", "trace_jobs", "watch_state"]

del prometheus_client
