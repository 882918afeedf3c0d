"""The form by which dispatchers sign in, under the same limits as the API's.

It is not behind axes' middleware: under ASGI that passes its arguments wrongly (8.3.1), and sees every request.
"""

from axes.helpers import get_lockout_message
from django.contrib import admin
from django.contrib.admin.forms import AdminAuthenticationForm
from django.forms import ValidationError

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
