"""The admin is there for the networks in ADMIN_NETWORKS only."""

from ipaddress import ip_address

from django.conf import settings
from django.http import Http404, HttpRequest
from django.utils.deprecation import MiddlewareMixin

ADMIN = "/admin/"


class AdminNetworks(MiddlewareMixin):
    """404 elsewhere: whoever may not see it need not know of it."""

    def process_request(self, request: HttpRequest) -> None:
        if settings.ADMIN_NETWORKS and request.path_info.startswith(ADMIN) and not _is_near(request):
            raise Http404


def _is_near(request: HttpRequest) -> bool:
    """By the client's address, which uvicorn has resolved behind a proxy."""
    try:
        address = ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in network for network in settings.ADMIN_NETWORKS)
