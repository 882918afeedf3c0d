from django.urls import path

from . import auth, contacts, export, looking, people, phone, second_factor, sessions

urlpatterns = [
    path("auth/register/", auth.RegisterView.as_view()),
    path("auth/login/", auth.LoginView.as_view()),
    path("auth/refresh/", auth.RefreshView.as_view()),
    path("auth/logout/", auth.LogoutView.as_view()),
    path("auth/password/change/", auth.PasswordChangeView.as_view()),
    path("auth/password/reset/", auth.PasswordResetView.as_view()),
    path("auth/password/reset/confirm/", auth.PasswordResetConfirmView.as_view()),
    path("auth/phone/code/", phone.PhoneCodeView.as_view()),
    path("auth/phone/confirm/", phone.PhoneConfirmView.as_view()),
    path("auth/second-factor/", second_factor.SecondFactorView.as_view()),
    path("auth/second-factor/enrol/", second_factor.EnrolView.as_view()),
    path("auth/second-factor/enrol/confirm/", second_factor.EnrolConfirmView.as_view()),
    path("auth/sessions/", sessions.SessionsView.as_view()),
    path("auth/sessions/<slug:session_id>/", sessions.SessionView.as_view()),
    path("users/", people.UsersView.as_view()),
    path("users/me/", people.MeView.as_view()),
    path("users/me/export/", export.ExportView.as_view()),
    path("users/me/looks/", looking.MyLooksView.as_view()),
    path("users/<uuid:uuid>/", people.UserView.as_view()),
    path("emergency-contacts/", contacts.ContactsView.as_view()),
    path("emergency-contacts/<uuid:contact_uuid>/", contacts.ContactView.as_view()),
    path("blocked-helpers/", contacts.BlockedHelpersView.as_view()),
    path("blocked-helpers/<uuid:helper_uuid>/", contacts.BlockedHelperView.as_view()),
]
