from django.urls import path

from . import auth_views, contact_views, views

urlpatterns = [
    path("auth/register/", auth_views.RegisterView.as_view()),
    path("auth/login/", auth_views.LoginView.as_view()),
    path("auth/refresh/", auth_views.RefreshView.as_view()),
    path("auth/logout/", auth_views.LogoutView.as_view()),
    path("auth/password/change/", auth_views.PasswordChangeView.as_view()),
    path("auth/password/reset/", auth_views.PasswordResetView.as_view()),
    path("auth/password/reset/confirm/", auth_views.PasswordResetConfirmView.as_view()),
    path("users/", views.UsersView.as_view()),
    path("users/me/", views.MeView.as_view()),
    path("users/<uuid:uuid>/", views.UserView.as_view()),
    path("emergency-contacts/", contact_views.ContactsView.as_view()),
    path("emergency-contacts/<uuid:contact_uuid>/", contact_views.ContactView.as_view()),
    path("blocked-helpers/", contact_views.BlockedHelpersView.as_view()),
    path("blocked-helpers/<uuid:helper_uuid>/", contact_views.BlockedHelperView.as_view()),
]
