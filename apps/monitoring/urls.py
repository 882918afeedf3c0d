from django.urls import path

from . import config
from .console import views
from .feed import polling

urlpatterns = [
    path("config/", config.ConfigView.as_view()),
    path("sos/feed/", polling.FeedView.as_view()),
    path("console/queue/", views.QueueView.as_view()),
    path("console/areas/", views.AreasView.as_view()),
    path("console/events/<uuid:event_uid>/map/", views.EventMapView.as_view()),
    path("console/events/<uuid:event_uid>/free-helpers/", views.FreeHelpersView.as_view()),
]
