from django.urls import path

from mdd_backend.gateways import GATEWAYS

from ..transports import reports_of
from . import views

urlpatterns = [
    path("push-tokens/", views.PushTokensView.as_view()),
    path("push-tokens/<int:token_id>/", views.PushTokenView.as_view()),
    path("notifications/", views.NotificationsView.as_view()),
    path("notifications/<uuid:notification_uuid>/read/", views.ReadView.as_view()),
    path("notifications/receipts/<str:signed>/", views.ReceiptView.as_view()),
    *(
        path(f"notifications/{gateway}/<str:status_signed>/", views.gateway_view(gateway, reports).as_view())
        for gateway in GATEWAYS
        if (reports := reports_of(gateway))
    ),
]
