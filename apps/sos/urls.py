from django.urls import path

from . import views

urlpatterns = [
    path("sos/", views.EventsView.as_view()),
    path("sos/<uuid:event_uid>/", views.EventView.as_view()),
    path("sos/trigger/", views.TriggerView.as_view()),
    path("sos/<uuid:event_uid>/respond/", views.RespondView.as_view()),
    path("sos/<uuid:event_uid>/resolve/", views.ResolveView.as_view()),
]
