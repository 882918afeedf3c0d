from django.urls import path, register_converter
from django.urls.converters import StringConverter

from ..models import DEVICE_UID
from . import views


class DeviceUid(StringConverter):
    """What cannot be a serial is not found, before anything is asked."""

    regex = DEVICE_UID


register_converter(DeviceUid, "device_uid")

urlpatterns = [
    path("devices/", views.DevicesView.as_view()),
    path("devices/troubled/", views.TroubledDevicesView.as_view()),  # before the serials, of which it could be one
    path("devices/<device_uid:device_uid>/", views.DeviceView.as_view()),
    path("devices/<device_uid:device_uid>/token/", views.TokenView.as_view()),
    path("devices/<device_uid:device_uid>/claim-code/", views.ClaimCodeView.as_view()),
    path("devices/<device_uid:device_uid>/move/", views.MoveView.as_view()),
    path("devices/<device_uid:device_uid>/proof/", views.ProofView.as_view()),
    path("devices/<device_uid:device_uid>/status/", views.StatusView.as_view()),
    path("devices/<device_uid:device_uid>/location/", views.LocationView.as_view()),
    path("devices/<device_uid:device_uid>/locations/", views.LocationsView.as_view()),
    path("devices/<device_uid:device_uid>/track/", views.TrackView.as_view()),
]
