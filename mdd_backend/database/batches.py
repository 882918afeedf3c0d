"""What is kept for a while only goes in small transactions, each of a thousand rows, which nobody waits for."""

from django.db import connection

BATCH = 1000


def forget(statement: str, days: int) -> int:
    """Runs a statement until it finds nothing more, and returns how many rows it took.

    The statement takes at most `%(batch)s` rows older than `%(days)s` days whose ids are above `%(after)s`, skips those
    that somebody holds, and selects the highest id and the number of what it took.
    """
    after = total = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(statement, {"after": after, "days": days, "batch": BATCH})
            last, count = cursor.fetchone()
        if not count:
            return total
        after, total = last, total + count
