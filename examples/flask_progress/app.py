"""Albums whose pictures are resized in a batch, and a page that shows how far it is."""

import time
from pathlib import Path

from flask import Flask, abort, redirect, send_file

from shiftboss import BatchNotFound, job
from shiftboss.batches import Batch
from shiftboss.contrib import flask as shiftboss_flask

app = Flask(__name__)
shiftboss_flask.init_app(app)


@job
def resize(picture: int) -> None:
    time.sleep(0.1)


@app.post("/albums")
def start():
    batch = Batch(description="100 pictures", tags=["album"])
    with batch.jobs():
        resize.perform_bulk((picture,) for picture in range(100))
    return redirect(f"/albums/{batch.bid}", 303)


@app.get("/albums/<bid>")
def page(bid: str):
    return send_file(Path(__file__).with_name("album.html"))


@app.get("/albums/<bid>/progress")
def progress(bid: str):
    try:
        status = Batch.open(bid).status()
    except BatchNotFound as error:
        abort(404, str(error))
    return {"done": status.done, "total": status.total, "progress": status.progress, "state": status.state}
