from django.urls import path

from . import views

urlpatterns = [
    path("devices/", views.DevicesView.as_view()),
    path("devices/<str:device_uid>/status/", views.StatusView.as_view()),
    path("devices/<str:device_uid>/location/", views.LocationView.as_view()),
]
