"""Albums whose pictures are resized in a batch, and a page that shows how far it is."""

from django.http import Http404, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from shiftboss import BatchNotFound
from shiftboss.batches import Batch
from shop.jobs import resize


@require_POST
def start(request):
    batch = Batch(description="100 pictures", tags=["album"])
    with batch.jobs():
        resize.perform_bulk((picture,) for picture in range(100))
    return redirect(f"/albums/{batch.bid}")


def page(request, bid):
    return render(request, "album.html")


def progress(request, bid):
    try:
        status = Batch.open(bid).status()
    except BatchNotFound as error:
        raise Http404(str(error)) from error
    return JsonResponse(
        {"done": status.done, "total": status.total, "progress": status.progress, "state": status.state}
    )
