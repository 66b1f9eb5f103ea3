"""The built-in engine: jobs, their payloads and their queues in Sidekiq's Redis protocol.

`job`, `Job` and `JobId` are imported from `shiftboss`; here is what they are made of.
"""

from shiftboss.engines.sidekiq.engine import SidekiqEngine
from shiftboss.engines.sidekiq.function_job import FunctionJob
from shiftboss.engines.sidekiq.options import JobOptions

__all__ = ["FunctionJob", "JobOptions", "SidekiqEngine"]
