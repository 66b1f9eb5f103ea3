"""Jobs of the app; Django's set-up finds them."""

from django.contrib.auth.models import User

from shiftboss import job


@job(name="shop.greet", after_commit=True)
def greet(user_id: int) -> None:
    user = User.objects.get(pk=user_id)
    user.first_name = "greeted"
    user.save()


@job(name="shop.agreet")
async def agreet(user_id: int) -> None:
    user = await User.objects.aget(pk=user_id)
    user.first_name = "greeted by a coroutine"
    await user.asave()
