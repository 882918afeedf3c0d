"""What is kept for a while only goes in small transactions, each of a thousand ids, which nobody waits for."""

from django.db import connection
from django.db.models import Max, Min, Model

BATCH = 1000


def forget(model: type[Model], statement: str, days: int) -> int:
    """Runs a statement for each thousand ids of a table, and returns how many rows it took.

    The statement takes those above id `%(after)s`, up to `%(until)s`, that are older than `%(days)s` days, skips what
    somebody holds, and selects the number of what it took. However large a table is, each statement is short.
    """
    ids = model._default_manager.aggregate(first=Min("pk"), last=Max("pk"))
    total = 0
    for after in range((ids["first"] or 1) - 1, ids["last"] or 0, BATCH):
        with connection.cursor() as cursor:
            cursor.execute(statement, {"after": after, "until": after + BATCH, "days": days})
            total += cursor.fetchone()[0]
    return total
