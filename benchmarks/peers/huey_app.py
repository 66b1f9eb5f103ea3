import huey
from counting import URL, tick

app = huey.RedisHuey("bench", url=URL)


@app.task()
def noop() -> None:
    tick()


def push(count: int) -> None:
    for _ in range(count):
        noop()
