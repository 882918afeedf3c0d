"""The journal can only grow, and is read in one order without a late-coming entry."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from django.db import IntegrityError, connections, transaction

from apps.sos import journal
from apps.sos.kinds import JournalKind
from apps.sos.models import JournalEntry
from tests.journal import example

pytestmark = pytest.mark.django_db(transaction=True)
POLICY_CHANGED = journal.Entry(None, JournalKind.POLICY_CHANGED, data=example(JournalKind.POLICY_CHANGED))


@pytest.mark.parametrize("change", [lambda rows: rows.update(kind="X"), lambda rows: rows.delete()])
def test_database_refuses_to_change_or_delete_an_entry(change: object) -> None:
    with transaction.atomic():
        journal.write(POLICY_CHANGED)
    with pytest.raises(IntegrityError, match="append-only"):
        change(JournalEntry.objects.all())  # type: ignore[operator]
    assert JournalEntry.objects.get().kind == JournalKind.POLICY_CHANGED


def test_who_reads_up_to_a_position_misses_nothing_before_it() -> None:
    done = Event()

    def write() -> None:
        try:
            for _ in range(60):
                with transaction.atomic():
                    journal.write(*[POLICY_CHANGED] * 3)
        finally:
            connections.close_all()

    def read() -> list[int]:
        """Always on from the last position seen, as the feed does."""
        seen: list[int] = []
        try:
            while True:
                was_done = done.is_set()
                newer = JournalEntry.objects.filter(position__gt=seen[-1] if seen else 0).order_by("position")
                seen += newer.values_list("position", flat=True)
                if was_done:
                    return seen
        finally:
            connections.close_all()

    with ThreadPoolExecutor(5) as pool:
        reading = pool.submit(read)
        for writing in [pool.submit(write) for _ in range(4)]:
            writing.result()
        done.set()
        seen = reading.result()
    assert len(seen) == 720
    assert seen == list(JournalEntry.objects.order_by("position").values_list("position", flat=True))
