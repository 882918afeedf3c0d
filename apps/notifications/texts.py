"""The words of text messages, in their readers' languages (locale/). Those of pushes are in the apps."""

from collections.abc import Callable

from django.utils import translation
from django.utils.translation import gettext as _

from apps.users import resets
from apps.users.models import User

from .models import Notification
from .services import RESET_CODE


def _password_reset(reader: User) -> str:
    said = _("MDD: your code for a new password is {code}. It is good for 10 minutes. Tell it to nobody.")
    return said.format(code=resets.code_for(reader))


WORDS: dict[str, Callable[[User], str]] = {RESET_CODE: _password_reset}


def text_for(notification: Notification, reader: User) -> str:
    """Composed as it is sent: what the row must not hold, such as a code, is never at rest."""
    with translation.override(reader.language):
        return WORDS[notification.kind](reader)
