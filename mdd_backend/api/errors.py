"""Errors of the API in one shape: `{"detail": "why", "code": "machine_readable"}`, and beside them the wrong fields."""

from collections.abc import Callable
from typing import Any

import structlog
from django.core.exceptions import SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from rest_framework import status
from rest_framework.exceptions import APIException, NotFound, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler

from .refusals import Missing

log = structlog.get_logger(__name__)
RETRY_AFTER_S = 1


class Conflict(APIException):
    """409: the step makes no sense in the present state, which `state` tells."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"

    def __init__(self, detail: str, state: dict[str, Any] | None = None, code: str | None = None) -> None:
        super().__init__(detail, code)
        self.state = state or {}


class TooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = "The body is larger than 1 MiB."
    default_code = "too_large"


class Unavailable(APIException):
    """503: PostgreSQL cannot be reached; nothing was stored, send the same again."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "Not stored: the database cannot be reached. Send the same again."
    default_code = "unavailable"
    wait = RETRY_AFTER_S


class Unreadable(APIException):
    """400: more parameters than Django reads, and whatever else it takes for an attack."""

    status_code = status.HTTP_400_BAD_REQUEST
    default_detail = "The request cannot be read."
    default_code = "bad_request"


class Failure(APIException):
    default_detail = "The server made a mistake."
    default_code = "server_error"


def _shown(error: Exception) -> Exception:
    """The error as its caller may see it: never a stack trace, never a database's own words."""
    if isinstance(error, OperationalError | InterfaceError):
        log.warning("database unavailable", reason=type(error).__name__)
        return Unavailable()
    if isinstance(error, Missing):
        return NotFound()
    return Unreadable() if isinstance(error, SuspiciousOperation) else error


def busy() -> JsonResponse:
    """503 for whoever has to come back because too many wait already."""
    body = {"detail": "Too many at once. Send the same again.", "code": Unavailable.default_code}
    return JsonResponse(body, status=503, headers={"Retry-After": str(RETRY_AFTER_S)})


def answer(error: Exception, context: dict[str, Any]) -> Response:
    """DRF's exception handler."""
    shown = _shown(error)
    response = exception_handler(shown, context)
    if response is None:
        log.exception("request failed", exc_info=error)
        shown = Failure()
        response = exception_handler(shown, context)
        assert response is not None  # noqa: S101 - DRF answers every APIException
    if isinstance(response.data, list):
        response.data = {"non_field_errors": response.data}
    if isinstance(shown, ValidationError):
        response.data = {"detail": "Some fields are wrong.", "code": "invalid", **response.data}
    elif "detail" in response.data:
        code = getattr(response.data["detail"], "code", None)
        response.data = {
            "detail": response.data["detail"],
            "code": code or "error",
            **getattr(shown, "state", {}),
        }
    return response


def _page(status: int, detail: str, code: str, own: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Django's own error page for people at the admin, JSON for everybody else."""

    def answer_in_kind(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.path.startswith("/admin/"):
            return own(request, *args, **kwargs)
        return JsonResponse({"detail": detail, "code": code}, status=status)

    return answer_in_kind


def unread() -> JsonResponse:
    """400 to what never became a request of Django's: a query that is not UTF-8."""
    return JsonResponse({"detail": Unreadable.default_detail, "code": Unreadable.default_code}, status=400)


bad_request = _page(400, Unreadable.default_detail, Unreadable.default_code, defaults.bad_request)
forbidden = _page(403, "You may not do this.", "permission_denied", defaults.permission_denied)
not_found = _page(404, "Not found.", "not_found", defaults.page_not_found)
failed = _page(500, Failure.default_detail, Failure.default_code, defaults.server_error)
