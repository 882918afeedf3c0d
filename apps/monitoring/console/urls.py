from django.urls import path

from . import pages

urlpatterns = [
    path("", pages.console),
    path("sign-in/", pages.sign_in),
    path("second-factor/", pages.second_page),
    path("sign-out/", pages.sign_out),
    path("link/<str:signed>/", pages.link),
]
