from django.urls import path

from . import views

urlpatterns = [
    path("orders/", views.orders),
    path("ping", views.ping),
    path("health/", views.health),
]
