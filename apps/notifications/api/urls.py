from django.urls import path

from . import views

urlpatterns = [
    path("push-tokens/", views.PushTokensView.as_view()),
    path("push-tokens/<int:token_id>/", views.PushTokenView.as_view()),
    path("notifications/", views.NotificationsView.as_view()),
    path("notifications/<uuid:notification_uuid>/read/", views.ReadView.as_view()),
    path("notifications/eskiz/<str:status_signed>/", views.GatewayStatusView.as_view()),
    path("notifications/receipts/<str:signed>/", views.ReceiptView.as_view()),
]
