"""A link that signs a dispatcher in once: for demonstrations, and for who has forgotten the password at night."""

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.utils import timezone

from apps.users.models import User

LASTS = timedelta(hours=1)
_SIGNER = signing.TimestampSigner(salt="console.link")


def link_for(user: User) -> str:
    """Good for an hour, and until the account signs in anywhere."""
    return f"{settings.PUBLIC_URL}/console/link/{_SIGNER.sign(f'{user.uuid.hex}-{_last(user)}')}/"


def holder_of(signed: str) -> User | None:
    """Whom the link would sign in; None when it is not ours, has run out or been used, or they are no dispatcher."""
    try:
        uid, _, last = _SIGNER.unsign(signed, max_age=LASTS).partition("-")
    except signing.BadSignature:
        return None
    user = User.objects.filter(uuid=UUID(uid)).first()
    return user if user and user.is_staff and _last(user) == last else None


def use(signed: str) -> User | None:
    """The same, and the link is used up: of two at once, one gets in."""
    user = holder_of(signed)
    if user is None:
        return None
    won = User.objects.filter(pk=user.pk, last_login=user.last_login).update(last_login=timezone.now())
    return user if won else None


def _last(user: User) -> str:
    return f"{user.last_login.timestamp():.6f}" if user.last_login else "never"
