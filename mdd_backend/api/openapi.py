"""The OpenAPI document, derived from the views: each says what it takes and gives, the errors follow."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import build_bearer_security_scheme_object
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.pagination import PageNumberPagination
from rest_framework.permissions import IsAuthenticated

F = TypeVar("F", bound=Callable[..., Any])
BODIES = {"POST", "PUT", "PATCH", "DELETE"}


class ErrorSerializer(serializers.Serializer[Any]):
    """What went wrong: `detail` for people, `code` for programs."""

    detail = serializers.CharField()
    code = serializers.CharField()


ERRORS = {
    400: ("invalid", "Some fields are wrong; each is named beside `detail` and `code`, as `\"field\": [\"why\"]`."),
    401: ("not_authenticated", "No token, a wrong or expired one (`token_not_valid`), or a banned account (`banned`)."),
    403: ("permission_denied", "The account's role, or the device token, does not allow this."),
    404: ("not_found", "There is no such thing, or it is none of yours."),
    405: ("method_not_allowed", "The path does not know this method."),
    409: ("conflict", "The step makes no sense in the present state, which the other keys tell."),
    413: ("too_large", "The body is larger than 1 MiB."),
    415: ("unsupported_media_type", "The body is not `application/json`."),
    429: ("throttled", "Too often; come back after `Retry-After` seconds."),
    500: ("server_error", "The server made a mistake; it has been noted."),
    503: ("unavailable", "PostgreSQL is away: nothing was stored. Send the same again after `Retry-After` seconds."),
}  # fmt: skip


def error(status: int) -> OpenApiResponse:
    code, description = ERRORS[status]
    shown: dict[str, Any] = {"detail": re.split("[;:.,]", description)[0] + ".", "code": code}
    if status == 400:
        shown |= {"detail": "Some fields are wrong.", "field": ["This field is required."]}
    return OpenApiResponse(ErrorSerializer, description, [OpenApiExample(code, value=shown, response_only=True)])


def _answer(shape: Any, example: Any) -> OpenApiResponse:
    if shape is None:
        return OpenApiResponse(None, "Done; no body.")
    return OpenApiResponse(shape, "", [OpenApiExample("example", value=example, response_only=True)])


def documented(
    summary: str,
    *,
    takes: Any = None,
    sends: Any = None,
    gives: Mapping[Any, tuple[Any, Any]],
    errors: Sequence[int] = (),
    query: Sequence[OpenApiParameter | type[serializers.Serializer[Any]]] = (),
    name: str | None = None,
) -> Callable[[F], F]:
    """Describes one operation.

    takes: the body's serializer, sends: an example of it. gives: by status, or by (status, media type), the answer's
    serializer (None: no body) and an example; of a list, one of its items. errors: statuses beyond those that follow
    from the view. query: parameters behind the `?`.
    name: the operation's, where what it is made of would be another's too.
    """
    responses: dict[Any, Any] = {status: _answer(shape, example) for status, (shape, example) in gives.items()}
    responses |= {status: error(status) for status in errors}
    examples = [OpenApiExample("example", value=sends, request_only=True)] if sends is not None else []
    return extend_schema(
        summary=summary,
        request=takes,
        responses=responses,
        examples=examples,
        parameters=list(query),
        operation_id=name,
    )


class Schema(AutoSchema):
    """Adds to every operation the errors that follow from what it is, so that none is forgotten."""

    def get_tags(self) -> list[str]:
        return [self.path.removeprefix("/api/v1/").split("/")[0]]

    def map_parsers(self) -> list[str]:
        """What one should send, also where anything is read."""
        return ["application/json"]

    def _get_request_body(self, direction: Any = "request") -> Any:
        """Also of a DELETE that takes one."""
        if self.method != "DELETE" or not self.get_request_serializer():
            return super()._get_request_body(direction)  # type: ignore[no-untyped-call]
        self.method = "POST"
        try:
            return super()._get_request_body(direction)  # type: ignore[no-untyped-call]
        finally:
            self.method = "DELETE"

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        responses = super()._get_response_bodies(direction)
        for status in self._errors():
            responses.setdefault(str(status), self._get_response_for_code(error(status), str(status)))  # type: ignore[no-untyped-call]
        return dict(sorted(responses.items()))

    def _errors(self) -> set[int]:
        errors = {500, 503}
        if self.view.get_authenticators():
            limited = any(rule is not IsAuthenticated for rule in self.view.permission_classes)
            errors |= {401, 403} if limited else {401}
        takes_a_body = self.method in BODIES and self.get_request_serializer()
        if takes_a_body and not getattr(self.view, "bears_any_body", False):
            errors |= {400, 413, 415}
        if self.method == "GET" and self._get_parameters():
            errors |= {400}
        if "{" in self.path or self._has_numbered_pages():
            errors |= {404}
        return errors

    def _has_numbered_pages(self) -> bool:
        """A page beyond the last is not found."""
        return self._is_list_view() and isinstance(getattr(self.view, "paginator", None), PageNumberPagination)

    def _get_response_headers_for_code(self, status_code: str, direction: Any = "response") -> Any:
        headers = super()._get_response_headers_for_code(status_code, direction)
        if status_code in {"429", "503"}:
            headers["Retry-After"] = {"schema": {"type": "integer"}, "description": "Seconds.", "required": True}
        return headers


class AccountScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "apps.users.api.authentication.AccountAuthentication"
    name = "account"

    def get_security_definition(self, auto_schema: AutoSchema) -> Any:
        return build_bearer_security_scheme_object("Authorization", "Bearer", "JWT")


class DispatcherScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Of the console's own pages only, and so not told: whoever writes a client sends a token."""

    target_class = "apps.users.api.authentication.DispatcherSession"
    name = "session"

    def get_security_requirement(self, auto_schema: AutoSchema) -> Any:
        return None

    def get_security_definition(self, auto_schema: AutoSchema) -> Any:
        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}


class DeviceScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "apps.devices.api.authentication.DeviceTokenAuthentication"
    name = "device"

    def get_security_requirement(self, auto_schema: AutoSchema) -> Any:
        return {self.name: []} if getattr(auto_schema.view, "device_may_enter", False) else None

    def get_security_definition(self, auto_schema: AutoSchema) -> Any:
        return build_bearer_security_scheme_object("Authorization", "Bearer") | {
            "description": "A device token (POST /api/v1/devices/{device_uid}/token/): its status, location and SOS."
        }
