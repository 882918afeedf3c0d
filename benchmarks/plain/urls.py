"""The addresses of the service's own views."""

from django.urls import path

from .views import LocationView, TriggerView

urlpatterns = [
    path("api/v1/sos/trigger/", TriggerView.as_view()),
    path("api/v1/devices/<str:device_uid>/location/", LocationView.as_view()),
]
