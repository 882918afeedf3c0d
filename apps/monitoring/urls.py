from django.urls import path

from . import config, feed_views
from .console import views

urlpatterns = [
    path("config/", config.ConfigView.as_view()),
    path("sos/feed/", feed_views.FeedView.as_view()),
    path("console/queue/", views.QueueView.as_view()),
    path("console/areas/", views.AreasView.as_view()),
    path("console/events/<uuid:event_uid>/map/", views.EventMapView.as_view()),
    path("console/events/<uuid:event_uid>/free-helpers/", views.FreeHelpersView.as_view()),
]
