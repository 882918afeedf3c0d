"""PostgreSQL's picture of the tables, by which it plans.

It looks at them once a minute, and thousands may press in ten seconds. A statement that was planned when a table had
next to nothing in it then reads all of that table, again and again.
"""

from django.db import connection


def refresh() -> list[str]:
    """Analyses the tables that have trebled since they were, so that plans are made anew; their names.

    Waits for nobody who is doing so already. The function is PostgreSQL's: ANALYZE is for a table's owner.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM monitoring_analyse_outgrown()")
        return [name for (name,) in cursor.fetchall()]
