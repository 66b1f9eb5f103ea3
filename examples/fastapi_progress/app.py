"""Albums whose pictures are resized in a batch, and a page that shows how far it is."""

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, HTTPException
from fastapi.responses import FileResponse, RedirectResponse

from shiftboss import BatchNotFound, current_client, job
from shiftboss.batches import Batch


@job
async def resize(picture: int) -> None:
    await asyncio.sleep(0.1)


@asynccontextmanager
async def lifespan(app: FastAPI):
    yield
    await current_client().aclose()


app = FastAPI(lifespan=lifespan)


@app.post("/albums")
async def start(pictures: int = 100):
    batch = Batch(description=f"{pictures} pictures", tags=["album"])
    async with batch.jobs():
        await resize.aperform_bulk([(picture,) for picture in range(pictures)])
    return RedirectResponse(f"/albums/{batch.bid}", 303)


@app.get("/albums/{bid}")
async def page(bid: str):
    return FileResponse(Path(__file__).with_name("album.html"))


@app.get("/albums/{bid}/progress")
async def progress(bid: str):
    try:
        status = await (await Batch.aopen(bid)).astatus()
    except BatchNotFound as error:
        raise HTTPException(404, str(error)) from error
    return {"done": status.done, "total": status.total, "progress": status.progress, "state": status.state}
