"""What every page of the admin has in common: dispatchers look, and nothing changes behind the services' back."""

import re
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString
from phonenumber_field.phonenumber import to_python

from .kinds import Deed, Way
from .models import User
from .rules import looks
from .rules.record import keep_deed

COUNTED_MOST = 10_000
BY_EVENT = {"event", "event_uid"}

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
    _Paginator = Paginator[Any]
else:
    _ModelAdmin, _Paginator = admin.ModelAdmin, Paginator


class ShallowPaginator(_Paginator):
    """Counts to 10,000 and no further: a log may have more rows than a page may wait for."""

    @cached_property
    def count(self) -> int:
        rows = cast("QuerySet[Any]", self.object_list)
        return rows.order_by()[:COUNTED_MOST].count()


class DispatcherPage(_ModelAdmin):
    """Shown to whoever has the role ADMIN, whatever Django's tables of permissions say; not to be changed.

    uuid_fields: searched for a whole UUID, by their index. deed: the kind of entry that tells of a row without a UUID.
    """

    paginator = ShallowPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    uuid_fields: tuple[str, ...] = ()
    deed: str = Deed.ADMIN_CHANGED.value

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """What the page offers: any other answers, yes or no, about a place, note or token that it does not show."""
        offered = lookup in BY_EVENT or lookup.split("__", maxsplit=1)[0] in {*self.list_filter, self.date_hierarchy}
        return offered and super().lookup_allowed(lookup, value, request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.is_staff

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.is_staff

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        """The journal keeps what is done here, in place of Django's log: the services write it, or these three."""

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        pass

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Django's shows its log; the journal has it all."""
        shown = self.get_object(request, object_id)
        uuid = getattr(shown, "uuid", None) or getattr(shown, "uid", None)
        found = f"q={uuid}" if uuid else f"kind__exact={self.deed}"
        return HttpResponseRedirect(f"{reverse('admin:sos_journalentry_changelist')}?{found}")

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        for row in queryset:
            keep_deed(Deed.ADMIN_CHANGED, signed_in(request), None, model=self.opts.model_name, row=row.pk)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        uuid = uuid_of(search_term)
        if uuid and self.uuid_fields:
            wanted = Q()
            for name in self.uuid_fields:
                wanted |= Q(**{name: uuid})
            return queryset.filter(wanted), False
        return super().get_search_results(request, queryset, as_stored(search_term))


class LookedAtPage(DispatcherPage):
    """Its rows show where somebody is, or was: where they have no open event, it asks why one looks, once an hour."""

    def looked_at(self, shown: Any) -> User:
        """The person whose place a row shows."""
        raise NotImplementedError

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        shown = self.get_object(request, object_id)
        is_asked = request.method != "POST" or "look_reason" in request.POST  # any other POST is refused
        whose = self.looked_at(shown) if shown and is_asked and request.user.is_staff else None
        if whose and not looks.has_looked(signed_in(request), whose.pk, Way.ADMIN):
            reason = request.POST.get("look_reason", "").strip()[: looks.REASON_MOST]
            try:
                is_long = len(reason) >= looks.REASON_LEAST
                looks.look(signed_in(request), [whose.pk], Way.ADMIN, reason if is_long else "")
            except looks.ReasonRequired:
                context = self.admin_site.each_context(request) | {"title": name_of(whose), "reason": reason}
                return TemplateResponse(request, "admin/users/why.html", context)
        if "look_reason" in request.POST:
            return HttpResponseRedirect(request.get_full_path())
        return super().change_view(request, object_id, form_url, extra_context)


class LogPage(DispatcherPage):
    """Rows that only ever grow in number: the newest first, in the one order that an index gives."""

    ordering = ("-pk",)
    sortable_by = ()


def signed_in(request: HttpRequest) -> User:
    """The account behind the session; the admin has made sure that there is one."""
    assert isinstance(request.user, User)  # noqa: S101
    return request.user


def as_stored(term: str) -> str:
    """A phone number, or a part of one, spelled as it is stored; anything else as it is."""
    if not re.fullmatch(r"[+\d\s().-]+", term) or not re.search(r"\d", term):
        return term
    number = to_python(term)
    return number.as_e164 if number and number.is_valid() else re.sub(r"\D", "", term)


def uuid_of(term: str) -> UUID | None:
    try:
        return UUID(term.strip())
    except ValueError:
        return None


def link(shown: Model | None, text: str = "") -> SafeString | str:
    """A link to the page of a row; a dash for none."""
    if shown is None:
        return "-"
    meta = shown._meta
    address = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[shown.pk])
    return format_html('<a href="{}">{}</a>', address, text or str(shown))


def person(user: User | None) -> SafeString | str:
    """A link to a person, by name and phone."""
    return link(user, name_of(user)) if user else "-"


def name_of(user: User) -> str:
    return " ".join(str(part) for part in (user.full_name, user.phone_number) if part) or str(user)
