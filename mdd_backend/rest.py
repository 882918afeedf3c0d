"""How the API reads and writes JSON: strict for every endpoint, forgiving where an SOS may come in."""

import json
import math
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from .errors import TooLarge


class AlwaysJson(BaseContentNegotiation):
    """Answers JSON whatever the Accept header asks: a watch is never refused for a header."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        wanted = (request.content_type or "").partition(";")[0].strip().lower()
        return next((p for p in parsers if p.media_type in {"*/*", wanted}), None)

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


class StrictJson(BaseParser):
    """JSON of at most 1 MiB; NaN and Infinity are refused."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise TooLarge
        try:
            return self.loads(body.decode())
        except (ValueError, RecursionError) as why:
            raise ParseError(f"The body is not JSON: {why}") from None

    def loads(self, text: str) -> Any:
        return json.loads(text, parse_constant=_no_constant)


def _whole_number(digits: str) -> int | float:
    return int(digits) if len(digits) < 20 else float(digits)


class ForgivingJson(StrictJson):
    """JSON under any content type, NaN and endless numbers included: an SOS is never refused for them."""

    media_type = "*/*"

    def loads(self, text: str) -> Any:
        return json.loads(text.removeprefix("\ufeff"), parse_int=_whole_number)


class NumberField(serializers.FloatField):
    """A finite JSON number; texts and true/false are refused."""

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail("invalid")
        try:
            number = float(data)
        except OverflowError:
            self.fail("invalid")
        if not math.isfinite(number):
            self.fail("invalid")
        return number


class WholeNumberField(serializers.IntegerField):
    """A JSON whole number; texts and true/false are refused."""

    def to_internal_value(self, data: Any) -> int:
        if (
            isinstance(data, bool)
            or not isinstance(data, int | float)
            or (isinstance(data, float) and not data.is_integer())
        ):
            self.fail("invalid")
        return int(data)


class TrueFalseField(serializers.BooleanField):
    """JSON true or false and nothing else."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class TextField(serializers.CharField):
    """A JSON text; numbers are refused, as is what PostgreSQL cannot hold."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        try:
            data.encode()
        except UnicodeEncodeError:
            self.fail("invalid")
        return super().to_internal_value(data)
