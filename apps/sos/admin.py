"""Emergencies, and everything that was done about them."""

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Q, QuerySet
from django.db.models.fields.json import KT
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from apps.users.admin_pages import DispatcherPage, LogPage, LookedAtPage, link, name_of, person, signed_in, uuid_of
from apps.users.models import User
from apps.users.rules import accounts
from apps.users.rules.rights import SuperuserRequired

from .journal.story import MOST, story_of
from .kinds import JournalKind, Outcome
from .models import DispatchPolicy, EventNote, HelperAlert, JournalEntry, Signal, SosEvent
from .rules import containing, desk, policy
from .rules.closing import StepMakesNoSense

if TYPE_CHECKING:
    _ModelForm = forms.ModelForm[DispatchPolicy]
else:
    _ModelForm = forms.ModelForm


@admin.register(SosEvent)
class EventPage(LookedAtPage):
    """An event's page tells its story; the one thing a dispatcher does here is to close it."""

    list_display = ("received_at", "state", "result", "detected_type", "severity", "wearer", "closed_at")
    list_filter = ("status", "outcome", "detected_type", "severity", "received_at")
    list_select_related = ("user", "device")
    search_fields = ("user__phone_number", "user__full_name", "device__device_uid")
    uuid_fields = ("uid",)
    date_hierarchy = "received_at"
    ordering = ("-pk",)
    actions = ("resolve",)

    def looked_at(self, shown: SosEvent) -> User:
        return shown.user

    @admin.display(ordering="status", description="status")
    def state(self, event: SosEvent) -> str:
        return event.status

    @admin.display(ordering="outcome", description="outcome")
    def result(self, event: SosEvent) -> str:
        return event.outcome or "-"

    @admin.display(ordering="user__full_name")
    def wearer(self, event: SosEvent) -> SafeString | str:
        return person(event.user)

    def get_queryset(self, request: HttpRequest) -> QuerySet[SosEvent]:
        events: QuerySet[SosEvent] = super().get_queryset(request)
        return events.select_related("user", "device", "follows", "acknowledged_by")

    def get_urls(self) -> list[URLPattern]:
        contained = self.admin_site.admin_view(require_POST(self.contain))
        return [path("containment/<int:user_id>/", contained, name="sos_containment"), *super().get_urls()]

    def contain(self, request: HttpRequest, user_id: int) -> HttpResponse:
        """What the button on a person's page does: contains the account, or lifts that."""
        user = get_object_or_404(User.objects.present(), pk=user_id)
        try:
            if "lift" in request.POST:
                accounts.lift_containment(user, signed_in(request))
                messages.success(request, "The containment is lifted.")
            else:
                closed = containing.contain(user, signed_in(request))
                done = f"The account is contained; {len(closed)} events were closed as false alarms."
                messages.success(request, done)
        except SuperuserRequired as why:
            messages.error(request, str(why))
        return HttpResponseRedirect(reverse("admin:users_user_change", args=[user.pk]))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        event = self.get_object(request, object_id)
        more = _shown(event) if event else {}
        return super().change_view(request, object_id, form_url, (extra_context or {}) | more)

    @admin.action(description="Resolve")
    def resolve(self, request: HttpRequest, events: QuerySet[SosEvent]) -> HttpResponse | None:
        """Asks for the outcome first, unless the event's own page has asked already."""
        outcome = request.POST.get("outcome")
        if outcome not in Outcome.values:
            return self._ask_for_outcome(request, events)
        resolved = [event for event in events.order_by("pk") if self._resolved(request, event, Outcome(outcome))]
        if resolved:
            messages.success(request, f"{len(resolved)} resolved: {Outcome(outcome).label}.")
        if "back" in request.POST:
            return HttpResponseRedirect(reverse("admin:sos_sosevent_change", args=[events.get().pk]))
        return None

    def _ask_for_outcome(self, request: HttpRequest, events: QuerySet[SosEvent]) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": "Resolve",
            "opts": self.opts,
            "events": events.order_by("pk"),
            "outcomes": Outcome.choices,
            "checkbox": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/sos/sosevent/resolve.html", context)

    def _resolved(self, request: HttpRequest, event: SosEvent, outcome: Outcome) -> bool:
        try:
            desk.resolve(event, signed_in(request), outcome)
        except StepMakesNoSense as why:
            messages.error(request, f"{name_of(event.user)}, {event.received_at:%Y-%m-%d %H:%M}: {why}")
            return False
        return True


def _shown(event: SosEvent) -> dict[str, Any]:
    return {
        "title": f"{event.get_detected_type_display().capitalize()}, {name_of(event.user)}",
        "subtitle": None,
        "story": story_of(event),
        "most": MOST,
        "outcomes": Outcome.choices,
    }


@admin.register(Signal)
class SignalPage(LookedAtPage, LogPage):
    list_display = ("received_at", "of", "sender", "device", "device_time", "flaws")
    list_select_related = ("event", "user", "device")
    search_fields = ("=signal_uid", "user__phone_number", "user__full_name", "device__device_uid")
    uuid_fields = ("event__uid",)
    fields = (
        "of", "sender", "device", "signal_uid", "hash", "device_time", "received_at", "raw_payload", "payload_in",
        "warnings",
    )  # fmt: skip

    def looked_at(self, shown: Signal) -> User:
        return shown.event.user

    @admin.display(description="event")
    def of(self, signal: Signal) -> SafeString | str:
        return link(signal.event)

    def sender(self, signal: Signal) -> SafeString | str:
        return person(signal.user)

    def flaws(self, signal: Signal) -> str:
        return ", ".join(signal.warnings) or "-"

    @admin.display(description="payload is kept in")
    def payload_in(self, signal: Signal) -> SafeString | str:
        """Of several signals with the same payload the first holds it."""
        return link(signal.payload_holder)

    @admin.display(description="signal hash")
    def hash(self, signal: Signal) -> str:
        return bytes(signal.signal_hash).hex()


@admin.register(HelperAlert)
class HelperAlertPage(LogPage):
    list_display = ("created_at", "of", "called", "wave", "metres", "status", "answered_at")
    list_filter = ("status",)
    list_select_related = ("event", "helper")
    search_fields = ("helper__phone_number", "helper__full_name")
    uuid_fields = ("event__uid",)
    fields = ("of", "called", "wave", "distance_m", "area_distance_m", "status", "created_at", "answered_at")

    @admin.display(description="event")
    def of(self, alert: HelperAlert) -> SafeString | str:
        return link(alert.event)

    @admin.display(description="helper")
    def called(self, alert: HelperAlert) -> SafeString | str:
        return person(alert.helper)

    @admin.display(description="distance, m")
    def metres(self, alert: HelperAlert) -> str:
        return "-" if alert.distance_m is None else f"{alert.distance_m:.0f}"


@admin.register(JournalEntry)
class JournalPage(LogPage):
    list_display = ("position", "at", "kind", "of", "actor_id")
    list_filter = ("kind",)
    list_select_related = ("event",)
    search_fields = ("=kind",)
    uuid_fields = ("event__uid",)
    fields = ("position", "at", "kind", "of", "actor", "whom", "data")

    @admin.display(description="event")
    def of(self, entry: JournalEntry) -> SafeString | str:
        return link(entry.event)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[JournalEntry], search_term: str
    ) -> tuple[QuerySet[JournalEntry], bool]:
        """The uuid of an account finds what its person did to accounts and devices, and what was done to theirs.

        That of a device: what was done to it, also when it has been removed.
        """
        uuid = uuid_of(search_term)
        if uuid is None or SosEvent.objects.filter(uid=uuid).exists():
            return super().get_search_results(request, queryset, search_term)
        deeds = queryset.filter(event=None)
        person = User.objects.filter(uuid=uuid).values_list("pk", flat=True).first()
        if person is None:
            return deeds.filter(data__device=str(uuid)), False
        return deeds.annotate(whom=KT("data__person")).filter(Q(actor_id=person) | Q(whom=str(person))), False

    def actor(self, entry: JournalEntry) -> SafeString | str:
        return person(User.objects.filter(pk=entry.actor_id).first() if entry.actor_id else None)

    @admin.display(description="done to")
    def whom(self, entry: JournalEntry) -> SafeString | str:
        return person(User.objects.filter(pk=entry.data.get("person")).first())


@admin.register(EventNote)
class NotePage(LogPage):
    list_display = ("created_at", "of", "written_by", "text")
    list_select_related = ("event", "author")
    search_fields = ("text", "author__phone_number", "author__full_name")
    uuid_fields = ("event__uid",)
    fields = ("of", "written_by", "text", "created_at")

    @admin.display(description="event")
    def of(self, note: EventNote) -> SafeString | str:
        return link(note.event)

    @admin.display(description="author")
    def written_by(self, note: EventNote) -> SafeString | str:
        return person(note.author)


class PolicyForm(_ModelForm):
    """The rules are the API's."""

    def clean(self) -> dict[str, Any]:
        super().clean()
        for name, flaws in policy.flaws_of(self.cleaned_data).items():
            self.add_error(name, flaws)
        return self.cleaned_data


@admin.register(DispatchPolicy)
class PolicyPage(DispatcherPage):
    """Changed through the service that the API uses; the one for all stays."""

    form = PolicyForm
    deed = JournalKind.POLICY_CHANGED.value
    list_display = ("__str__", "rings", "enough_helpers", "contacts_after_s", "escalate_after_s", "changed_at")
    ordering = ("detected_type",)
    fields = ("detected_type", "waves", *policy.BOUNDS, "changed_at")

    @admin.display(description="waves")
    def rings(self, shown: DispatchPolicy) -> str:
        return ", ".join(f"{wave['helpers']} in {wave['radius_m']} m" for wave in shown.waves)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return signed_in(request).is_chief

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return signed_in(request).is_chief

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return signed_in(request).is_chief and (obj is None or obj.detected_type != "")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("detected_type", "changed_at") if obj else ("changed_at",)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """A new one starts as the one for all is."""
        return policy.values_of(policy.policy_of(""))

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except policy.Flawed as why:  # somebody else has changed it this moment
            messages.error(request, str(why))
            return HttpResponseRedirect(request.get_full_path())

    def save_model(self, request: HttpRequest, obj: DispatchPolicy, form: Any, change: bool) -> None:
        named = form.changed_data if change else ["waves", *policy.BOUNDS]
        changes = {name: form.cleaned_data[name] for name in named}
        obj.pk = policy.change_policy(obj.detected_type, changes, signed_in(request)).pk

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[DispatchPolicy]) -> Any:
        """The service has written it."""

    def delete_model(self, request: HttpRequest, obj: DispatchPolicy) -> None:
        with suppress(policy.NoSuchPolicy):
            policy.remove_policy(obj.detected_type, signed_in(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[DispatchPolicy]) -> None:
        for chosen in queryset.order_by("pk"):
            self.delete_model(request, chosen)
