"""Pages of lists; a wrong `page_size` or `cursor` is named, not ignored."""

from typing import Any

from django.db.models import QuerySet
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import Cursor, CursorPagination, PageNumberPagination
from rest_framework.request import Request

PAGE, PAGE_MOST = 50, 200


def _page_size(request: Request) -> int:
    raw = request.query_params.get("page_size", str(PAGE))
    if not (raw.isascii() and raw.isdecimal() and len(raw) < 6 and 1 <= int(raw) <= PAGE_MOST):
        raise ValidationError({"page_size": [f"Is not a whole number from 1 to {PAGE_MOST}."]})
    return int(raw)


class Pages(PageNumberPagination):
    """`?page=2&page_size=50`: for lists whose length people want to know."""

    page_size = PAGE
    page_size_query_param = "page_size"
    max_page_size = PAGE_MOST

    def get_page_size(self, request: Request) -> int:
        return _page_size(request)


class NewestFirst(CursorPagination):
    """`?cursor=…&page_size=50`: for lists that grow while they are read; `next` and `previous` are whole addresses."""

    page_size = PAGE
    page_size_query_param = "page_size"
    max_page_size = PAGE_MOST

    def get_page_size(self, request: Request) -> int:
        return _page_size(request)

    def get_ordering(self, request: Request, queryset: QuerySet[Any], view: Any) -> tuple[str, ...]:
        return ("-pk",)

    def decode_cursor(self, request: Request) -> Cursor | None:
        try:
            cursor: Cursor | None = super().decode_cursor(request)
            if cursor and cursor.position is not None:
                int(cursor.position)
            return cursor
        except (NotFound, ValueError):
            raise ValidationError({"cursor": ["Is not a cursor that this API gave out."]}) from None
