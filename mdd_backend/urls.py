"""Every URL of the service."""

from django.urls import include, path

from apps.monitoring import health

urlpatterns = [
    path("api/v1/", include("apps.users.urls")),
    path("api/v1/", include("apps.notifications.urls")),
    path("api/v1/", include("apps.devices.urls")),
    path("api/v1/", include("apps.sos.urls")),
    path("health/live", health.live),
    path("health/ready", health.ready),
    path("health/status", health.status),
]
handler404 = "mdd_backend.errors.not_found"
handler500 = "mdd_backend.errors.failed"
