"""The admin's sign-in under the same limits as the API's."""

from axes.helpers import get_lockout_message
from django.contrib import admin
from django.contrib.admin.forms import AdminAuthenticationForm
from django.forms import ValidationError
from django.http import HttpRequest, HttpResponse

from .api import lockout
from .models import User


class SignInForm(AdminAuthenticationForm):
    def confirm_login_allowed(self, user: User) -> None:
        """The password was right, whether or not the person may enter."""
        if self.request:
            lockout.end_try(self.request)
        super().confirm_login_allowed(user)

    def get_invalid_login_error(self) -> ValidationError:
        if self.request and lockout.seconds_refused(self.request):
            return ValidationError(get_lockout_message(), code="throttled")
        return super().get_invalid_login_error()


admin.site.login_form = SignInForm


def admin_login(request: HttpRequest) -> HttpResponse:
    """Django's page; a locked one says so, also by its status.

    Not axes' middleware: under ASGI it passes its arguments wrongly (8.3.1), and every request would go through it.
    """
    response = admin.site.login(request)
    if wait := lockout.seconds_refused(request):
        response.status_code = 429
        response.headers["Retry-After"] = str(wait)
    return response
