from django.urls import path

from . import config, feed_views

urlpatterns = [
    path("config/", config.ConfigView.as_view()),
    path("sos/feed/", feed_views.FeedView.as_view()),
]
