"""Starts that would put people at risk are refused, in plain words."""

from collections.abc import Sequence

from django.core.exceptions import ImproperlyConfigured

LOOPBACK = {"localhost", "127.0.0.1", "[::1]", "::1"}
PLACEHOLDERS = (
    "insecure",
    "change-me",
    "changeme",
    "change_me",
    "example",
    "your-",
    "your_",
    "secret-key",
    "secret_key",
)


def refuse_unsafe(
    *, debug: bool, hosts: Sequence[str], keys: Sequence[tuple[str, str]], cors_for_all: bool, sms: str
) -> None:
    """Raises ImproperlyConfigured, naming the variable, for settings that must not meet the public."""
    if "*" in hosts:
        raise ImproperlyConfigured("DJANGO_ALLOWED_HOSTS: name the hosts; '*' lets anybody choose what links say")
    public = [host for host in hosts if host not in LOOPBACK and not host.endswith(".localhost")]
    if debug and public:
        raise ImproperlyConfigured(
            f"DEBUG: must be false where the service is called {public[0]}: it shows its insides"
        )
    if cors_for_all and not debug:
        raise ImproperlyConfigured("CORS_ALLOW_ALL_ORIGINS: is for development; list CORS_ALLOWED_ORIGINS")
    if sms == "console" and not debug:
        raise ImproperlyConfigured(
            "SMS_TRANSPORT: console is for development: nobody would get a text, and codes would stand in the log;"
            " name a gateway, or leave it empty"
        )
    for name, key in keys:
        if len(set(key)) < 8 or any(word in key.lower() for word in PLACEHOLDERS):
            raise ImproperlyConfigured(f"{name}: is an example, not a secret; make one of your own")
