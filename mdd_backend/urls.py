"""Every URL of the service."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularRedocView, SpectacularSwaggerSplitView
from rest_framework.negotiation import DefaultContentNegotiation

from apps.monitoring.health import checks
from apps.sos.api.views.live_page import live_page
from apps.users.api.contact_page import contact_page
from mdd_backend.api.schema_view import SchemaView

urlpatterns = [
    path("api/v1/", include("apps.users.api.urls")),
    path("api/v1/", include("apps.notifications.api.urls")),
    path("api/v1/", include("apps.devices.api.urls")),
    path("api/v1/", include("apps.sos.api.urls")),
    path("api/v1/", include("apps.monitoring.urls")),
    path(
        "api/schema/",
        SchemaView.as_view(content_negotiation_class=DefaultContentNegotiation),
        name="schema",
    ),
    path("swagger/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="swagger"),
    path("redoc/", SpectacularRedocView.as_view(url_name="schema", template_name="redoc.html"), name="redoc"),
    path("admin/login/", RedirectView.as_view(url="/console/sign-in/", query_string=True)),
    path("admin/", admin.site.urls),
    path("console/", include("apps.monitoring.console.urls")),
    path("live/c/<str:signed>/", contact_page),
    path("live/<str:signed>/", live_page),
    path("favicon.ico", RedirectView.as_view(url=f"{settings.STATIC_URL}console/icon.svg")),
    path("health/live", checks.live),
    path("health/ready", checks.ready),
    path("health/status", checks.status),
]
handler400 = "mdd_backend.api.errors.bad_request"
handler403 = "mdd_backend.api.errors.forbidden"
handler404 = "mdd_backend.api.errors.not_found"
handler500 = "mdd_backend.api.errors.failed"
