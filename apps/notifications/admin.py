"""Ways to people, and the log of every message."""

from django.contrib import admin
from django.utils.safestring import SafeString

from apps.users.admin_pages import DispatcherPage, LogPage, link, person

from .models import Notification, NotificationChange, PushToken


@admin.register(PushToken)
class PushTokenPage(DispatcherPage):
    list_display = ("id", "owner", "platform", "beginning", "created_at", "refreshed_at")
    list_filter = ("platform", "refreshed_at")
    list_select_related = ("user",)
    search_fields = ("user__phone_number", "user__full_name")
    fields = ("owner", "platform", "beginning", "created_at", "refreshed_at")

    @admin.display(ordering="user__full_name")
    def owner(self, token: PushToken) -> SafeString | str:
        return person(token.user)

    @admin.display(description="token")
    def beginning(self, token: PushToken) -> str:
        """Enough to tell two apart: whoever has a whole one could be rung in the person's place."""
        return f"{token.token[:6]}…"


@admin.register(Notification)
class NotificationPage(LogPage):
    list_display = ("created_at", "kind", "channel", "state", "reader", "reason", "attempts")
    list_filter = ("state", "channel")
    list_select_related = ("user",)
    search_fields = ("=kind", "user__phone_number", "user__full_name")
    uuid_fields = ("uuid", "event_uid")
    fields = (
        "uuid", "reader", "channel", "kind", "state", "reason", "attempts", "provider_id", "event_uid", "shown_data",
        "created_at", "due_at", "expires_at", "story",
    )  # fmt: skip

    def reader(self, notification: Notification) -> SafeString | str:
        return person(notification.user)

    @admin.display(description="data")
    def shown_data(self, notification: Notification) -> str:
        """Without the addresses, which are as good as the phone's own word, or the contact's."""
        return ", ".join(f"{name}={value}" for name, value in notification.data.items() if "url" not in name)

    @admin.display(description="changes of state")
    def story(self, notification: Notification) -> str:
        changes = notification.changes.order_by("pk")
        return "; ".join(f"{change.at:%Y-%m-%d %H:%M:%S} {change.state} {change.reason}".strip() for change in changes)


@admin.register(NotificationChange)
class NotificationChangePage(LogPage):
    list_display = ("at", "state", "reason", "of")
    list_filter = ("state",)
    list_select_related = ("notification",)
    uuid_fields = ("notification__uuid", "notification__event_uid")
    search_fields = ("=notification__kind",)
    fields = ("at", "state", "reason", "of")

    @admin.display(description="notification")
    def of(self, change: NotificationChange) -> SafeString | str:
        return link(change.notification)
