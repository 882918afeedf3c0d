"""A link that signs a dispatcher in once: for demonstrations, and for who has forgotten the password at night."""

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session

from apps.users.models import User

LASTS = timedelta(hours=1)
_HOLDER = "console_link"


def link_for(user: User) -> str:
    """Good for an hour and once. It is a row among the sessions, of nobody yet: using it takes the row away."""
    ticket = SessionStore()
    ticket[_HOLDER] = str(user.uuid)
    ticket.set_expiry(int(LASTS.total_seconds()))
    ticket.create()
    return f"{settings.PUBLIC_URL}/console/link/{ticket.session_key}/"


def holder_of(key: str) -> User | None:
    """Whom the link would sign in; None when it is not ours, has run out or been used, or they are no dispatcher."""
    holder = SessionStore(key).get(_HOLDER)
    user = User.objects.filter(uuid=UUID(holder)).first() if holder else None
    return user if user and user.is_staff else None


def use(key: str) -> User | None:
    """The same, and the link is used up: of two at once, one gets in."""
    user = holder_of(key)
    return user if user and Session.objects.filter(session_key=key).delete()[0] else None
