from django.urls import path
from shop import views

urlpatterns = [
    path("albums", views.start),
    path("albums/<str:bid>", views.page),
    path("albums/<str:bid>/progress", views.progress),
]
