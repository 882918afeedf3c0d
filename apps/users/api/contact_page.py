"""Where somebody says whether they want to be an emergency contact; the address itself is the credential."""

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import translation
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from mdd_backend import names
from mdd_backend.api.errors import RETRY_AFTER_S
from mdd_backend.web.signed_page import guarded, page

from ..rules.invitations import answer_invitation, invited

TEMPLATE = "users/contact.html"
ANSWERS = {"yes": True, "no": False}


@csrf_exempt  # there is no session to misuse: whoever can forge the request knows the address
@require_http_methods(["GET", "HEAD", "POST"])
def contact_page(request: HttpRequest, signed: str) -> HttpResponse:
    """Only POST acts, since link previews fetch the page too."""
    with translation.override(translation.get_language_from_request(request)):
        try:
            return _answer(request, signed)
        except (OperationalError, InterfaceError):
            return page(TEMPLATE, "away", 503, headers={"Retry-After": str(RETRY_AFTER_S)})


def _answer(request: HttpRequest, signed: str) -> HttpResponse:
    contact = invited(signed)
    if contact is None:
        return page(TEMPLATE, "unknown", 404)
    said = ANSWERS.get(request.POST.get("answer", ""))
    if said is not None:
        answer_invitation(contact, is_willing=said)
        return guarded(HttpResponseRedirect(request.path, status=303))
    with translation.override(contact.language):
        state = "confirmed" if contact.confirmed_at else "refused" if contact.refused_at else "asked"
        return page(TEMPLATE, state, 200, {"name": names.cleaned(contact.owner.full_name)})
