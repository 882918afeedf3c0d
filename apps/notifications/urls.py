from django.urls import path

from . import views

urlpatterns = [
    path("push-tokens/", views.PushTokensView.as_view()),
    path("push-tokens/<int:token_id>/", views.PushTokenView.as_view()),
    path("notifications/receipts/<str:signed>/", views.ReceiptView.as_view()),
]
