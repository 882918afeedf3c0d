"""Chooses helpers and calls them."""

from typing import Any

from django.db.models.functions import Now

from apps.notifications.services import notify

from .locks import hold_dispatch
from .messages import SOS_ALERT, alert_data
from .models import HelperAlert, SosEvent
from .privacy import coarse
from .selectors import NearHelper, nearest_helpers


def call_wave(event: SosEvent, wave: dict[str, Any]) -> list[NearHelper]:
    """Calls the nearest helpers of one wave: an alert and a notification each, in the caller's transaction."""
    hold_dispatch()
    found = nearest_helpers(event, wave["radius_m"], wave["helpers"])
    HelperAlert.objects.bulk_create(
        HelperAlert(
            event=event,
            helper_id=near.user_id,
            wave=event.waves_called + 1,
            distance_m=near.distance_m,
            area_distance_m=coarse(near.area_distance_m),
            created_at=Now(),
        )
        for near in found
    )
    if found:
        notify(SOS_ALERT, event.uid, {near.user_id: alert_data(event, near) for near in found})
    return found
