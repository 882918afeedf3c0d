"""What an emergency contact sees of an event. The address itself is the credential; looking changes nothing."""

from datetime import UTC, datetime
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from apps.users.models import EmergencyContact
from mdd_backend import names
from mdd_backend.api.errors import RETRY_AFTER_S
from mdd_backend.database.clock import now
from mdd_backend.web.signed_page import guarded, page

from ...models import SosEvent
from ...queries.live import has_answered, help_for, opened
from ...rules.alarms import contact_answered


@csrf_exempt  # there is no session to misuse: whoever can forge the request knows the address
@require_http_methods(["GET", "HEAD", "POST"])
def live_page(request: HttpRequest, signed: str) -> HttpResponse:
    """Only POST acts, since link previews fetch the page too."""
    try:
        with translation.override(translation.get_language_from_request(request)):
            return _answer(request, signed)
    except (OperationalError, InterfaceError):
        with translation.override(translation.get_language_from_request(request)):
            return _page("away", 503, headers={"Retry-After": str(RETRY_AFTER_S)})


def _answer(request: HttpRequest, signed: str) -> HttpResponse:
    event_and_contact = opened(signed)
    if event_and_contact is None:
        return _page("unknown", 404)
    event, contact = event_and_contact
    with translation.override(contact.language):
        if not event.is_open:
            return _page("over", 410)
        if request.method == "POST":
            contact_answered(event, contact.pk)
            return guarded(HttpResponseRedirect(request.path, status=303))
        return _page("open", 200, _shown(event, contact))


def _shown(event: SosEvent, contact: EmergencyContact) -> dict[str, Any]:
    return {
        "event": event,
        "name": names.cleaned(event.wearer_name),
        "since": _time(event.received_at),
        "lat": None if event.lat is None else f"{event.lat:.5f}",  # text: a page in Russian would write a comma
        "lon": None if event.lon is None else f"{event.lon:.5f}",
        "place_since": _time(event.position_at) if event.position_at else None,
        "help": help_for(event),
        "answered": has_answered(event, contact.pk),
    }


def _time(time: datetime) -> dict[str, Any]:
    """A time, and how long ago that is, in words."""
    minutes = max(0, int((now() - time).total_seconds() // 60))
    ago = _("{n} min ago").format(n=minutes) if minutes < 120 else _("{n} h ago").format(n=minutes // 60)
    return {"utc": time.astimezone(UTC), "ago": ago if minutes else _("just now")}


def _page(state: str, status: int, shown: dict[str, Any] | None = None, **options: Any) -> HttpResponse:
    return page("sos/live.html", state, status, shown, **options)
