"""A device in trouble while its event is open: dispatchers read it in the event's story."""

from collections.abc import Sequence

from apps.sos import journal
from apps.sos.journal.entries import DispatchersAlarmed
from apps.sos.kinds import JournalKind
from apps.sos.models import SosEvent


def tell_dispatchers(kind: str, device_ids: Sequence[int], **_: object) -> None:
    """Within the caller's transaction, as its last step. Consoles hear it; nobody's phone rings."""
    events = SosEvent.objects.open().filter(device__in=device_ids).order_by("pk").values_list("pk", "status")
    data = DispatchersAlarmed(f"DEVICE_{kind}", told=[])
    journal.write(
        *(journal.Entry(pk, JournalKind.DISPATCHERS_ALARMED, data=data, status=status) for pk, status in events)
    )
