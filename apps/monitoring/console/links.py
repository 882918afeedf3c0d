"""A link that signs a dispatcher in once: for demonstrations, and for who has forgotten the password at night."""

from datetime import timedelta
from uuid import UUID

from django.conf import settings

from apps.users.models import BrowserSession, User
from apps.users.rules.browser_sessions import SessionStore, digest_of

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
    return user if user and BrowserSession.objects.filter(session_key=digest_of(key)).delete()[0] else None
