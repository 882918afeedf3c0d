from django.urls import path

from . import config

urlpatterns = [path("config/", config.ConfigView.as_view())]
