"""Django's sessions in the database, of which only browsers hold the keys: see SESSION_ENGINE."""

import hashlib
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.utils import timezone

from ..models import BrowserSession


def digest_of(key: str) -> str:
    """Plain SHA-256 is enough: a key has 160 random bits."""
    return hashlib.sha256(key.encode()).hexdigest()


class SessionStore(DatabaseStore):
    """Django's, with the digest of the key in the row. Only its synchronous methods are used."""

    @classmethod
    def get_model_class(cls) -> type[BrowserSession]:
        return BrowserSession

    def _get_session_from_db(self) -> BrowserSession | None:
        stored = BrowserSession.objects.filter(
            session_key=digest_of(self.session_key or ""), expire_date__gt=timezone.now()
        ).first()
        if stored is None:
            self._session_key = None
        return stored

    def exists(self, session_key: str) -> bool:
        return BrowserSession.objects.filter(session_key=digest_of(session_key)).exists()

    def create_model_instance(self, data: dict[str, Any]) -> BrowserSession:
        stored = super().create_model_instance(data)
        return BrowserSession(
            session_key=digest_of(stored.session_key),
            session_data=stored.session_data,
            expire_date=stored.expire_date,
            user_id=data.get(SESSION_KEY),
        )

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key:
            BrowserSession.objects.filter(session_key=digest_of(key)).delete()
