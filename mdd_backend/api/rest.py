"""How the API reads and writes JSON: strict for every endpoint, forgiving where an SOS may come in."""

import json
import math
import re
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework import serializers
from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from .. import names
from . import errors
from .bounds import LAT, LON

LEVELS_MOST = 100  # read of a body too deep for Python's reader: more than an SOS keeps of it (sos/rules/reading.py)


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


def _is_whole(value: Any) -> bool:
    """Whether every text in this JSON is made of whole characters: half of a surrogate pair is none."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _refuse_halves(body: Any) -> None:
    """Raises ValidationError, naming each field with half of a surrogate pair: no answer could even repeat it."""
    if _is_whole(body):
        return
    fields = body if isinstance(body, dict) else {"non_field_errors": body}
    wrong = [name.encode(errors="replace").decode() for name in fields if not _is_whole({name: fields[name]})]
    raise ValidationError({name: ["Holds half of a surrogate pair, which is no character."] for name in wrong})


class StrictJson(BaseParser):
    """JSON of at most 1 MiB; NaN, Infinity and halves of characters are refused."""

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
            raise errors.TooLarge
        try:
            return self.loads(body.decode())
        except (ValueError, RecursionError) as why:
            raise ParseError(f"The body is not JSON: {why}") from None

    def loads(self, text: str) -> Any:
        body = json.loads(text, parse_constant=_no_constant)
        if "\\ud" in text.lower():  # nothing else than an escape brings one in
            _refuse_halves(body)
        return body


_STEP = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[][{}]', re.DOTALL)  # a text is passed over as a whole


def _shallow(text: str) -> str:
    """The same JSON with `[]` for whatever lies deeper than LEVELS_MOST: Python's reader goes down only so far."""
    kept: list[str] = []
    level = start = 0
    for step in _STEP.finditer(text):
        if step[0] in "[{":
            level += 1
            if level == LEVELS_MOST + 1:
                kept += text[start : step.start()], "[]"
        elif step[0] in "]}":
            level -= 1
            if level == LEVELS_MOST:
                start = step.end()
    return "".join(kept) + text[start:]  # what is not JSON, such as brackets never closed, stays so


def _whole_number(digits: str) -> int | float:
    return int(digits) if len(digits) < 20 else float(digits)


class ForgivingJson(StrictJson):
    """JSON under any content type, however deep, NaN and endless numbers included: an SOS is never refused for them."""

    media_type = "*/*"

    def loads(self, text: str) -> Any:
        text = text.removeprefix("\ufeff")
        try:
            return json.loads(text, parse_int=_whole_number)
        except RecursionError:
            return json.loads(_shallow(text), parse_int=_whole_number)


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


class LatitudeField(NumberField):
    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=LAT[0], max_value=LAT[1], **options)


class LongitudeField(NumberField):
    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=LON[0], max_value=LON[1], **options)


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


class NameField(TextField):
    """What somebody or something is called: one line without addresses (mdd_backend/names.py)."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.validators.append(names.refuse_unfit)

    def to_internal_value(self, data: Any) -> str:
        return names.collapsed(super().to_internal_value(data))
