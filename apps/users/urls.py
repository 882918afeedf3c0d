from django.urls import path

from . import views

urlpatterns = [
    path("auth/register/", views.RegisterView.as_view()),
    path("auth/login/", views.LoginView.as_view()),
    path("auth/refresh/", views.RefreshView.as_view()),
    path("users/me/", views.MeView.as_view()),
    path("users/<uuid:uuid>/", views.UserView.as_view()),
]
