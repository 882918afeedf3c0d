"""Sessions have rows of their own, of which none holds what opens it.

Whoever is signed in stays so. The tables of before are left for processes of before, which still run for a moment;
`users.flush_expired_tokens` empties them in the night.
"""

import base64
import hashlib
import json

import django.db.models.deletion
from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.db import migrations, models

OUTSTANDING = """
SELECT o.user_id, o.jti, o.token, coalesce(o.created_at, now()), o.expires_at
FROM token_blacklist_outstandingtoken o JOIN users_user u ON u.id = o.user_id
WHERE o.expires_at > now() AND NOT EXISTS (SELECT FROM token_blacklist_blacklistedtoken b WHERE b.token_id = o.id)
ORDER BY o.id DESC
"""
BROWSERS = "SELECT session_key, session_data, expire_date FROM django_session WHERE expire_date > now()"


def keep_who_is_signed_in(apps, schema_editor):
    user, session, browser = (apps.get_model("users", name) for name in ("User", "Session", "BrowserSession"))
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('token_blacklist_outstandingtoken'), to_regclass('django_session')")
        has_tokens, has_browsers = cursor.fetchone()
        tokens = _rows(cursor, OUTSTANDING) if has_tokens else []
        browsers = _rows(cursor, BROWSERS) if has_browsers else []
    rows = [
        session(
            user_id=user_id, name=_session_of(token) or jti, refresh_jti=jti, created_at=at, last_used_at=at,
            expires_at=until,
        )
        for user_id, jti, token, at, until in tokens
    ]
    session.objects.bulk_create(rows, batch_size=1000, ignore_conflicts=True)
    people = set(user.objects.values_list("pk", flat=True)) if browsers else set()
    for key, data, until in browsers:
        browser.objects.create(
            session_key=hashlib.sha256(key.encode()).hexdigest(), session_data=data, expire_date=until,
            user_id=_holder_of(data, people),
        )


def _rows(cursor, statement):
    cursor.execute(statement)
    return cursor.fetchall()


def _session_of(token):
    """What a token calls its session; it is ours, since it is in our table."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return str(claims.get("session", ""))[:32]
    except (IndexError, ValueError):
        return ""


class _Reader(SessionBase):
    key_salt = "django.contrib.sessions.SessionStore"


def _holder_of(data, people):
    holder = str(_Reader().decode(data).get("_auth_user_id", ""))
    return int(holder) if holder.isdecimal() and int(holder) in people else None


class Migration(migrations.Migration):
    dependencies = [("users", "0009_phone_confirmed")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="token_version",
            field=models.PositiveIntegerField(
                db_default=0, default=0, editable=False,
                help_text="tokens and sessions of an earlier one are no longer valid",
            ),
        ),
        migrations.CreateModel(
            name="BrowserSession",
            fields=[
                ("session_data", models.TextField(verbose_name="session data")),
                ("expire_date", models.DateTimeField(db_index=True, verbose_name="expire date")),
                ("session_key", models.CharField(max_length=64, primary_key=True, serialize=False)),
                (
                    "user",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.CASCADE, related_name="browser_sessions",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={"verbose_name": "session", "verbose_name_plural": "sessions", "abstract": False},
        ),
        migrations.CreateModel(
            name="Session",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(help_text="what its tokens call it", max_length=32, unique=True)),
                ("refresh_jti", models.CharField(max_length=32)),
                ("client", models.CharField(blank=True, help_text="what the app says it is", max_length=200)),
                ("created_at", models.DateTimeField()),
                ("last_used_at", models.DateTimeField(help_text="when a token was last asked for")),
                ("expires_at", models.DateTimeField(db_index=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="sessions",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.RunPython(keep_who_is_signed_in, migrations.RunPython.noop),
    ]
