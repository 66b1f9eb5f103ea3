"""taskiq as the engine: ``install(broker)``, and every task of the broker can be a member of a batch.

broker = RedisStreamBroker("redis://localhost/0").with_middlewares(SimpleRetryMiddleware())
install(broker)

@broker.task
async def resize(path): ...

async with Batch().on("success", "shop.photos:Album", {"id": 7}).jobs():
    for path in paths:
        await resize.kiq(path)
"""

try:
    import taskiq as _taskiq
except ImportError as error:
    from shiftboss.errors import ConfigError

    raise ConfigError("taskiq is not installed; run: pip install 'shiftboss[taskiq]'") from error

from shiftboss.engines.taskiq.engine import TaskiqEngine
from shiftboss.engines.taskiq.installing import client_of, install

del _taskiq

__all__ = ["TaskiqEngine", "client_of", "install"]
