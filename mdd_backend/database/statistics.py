"""PostgreSQL's picture of the tables, by which it plans.

It looks at them once a minute, and thousands may press in ten seconds. A statement that was planned when a table had
next to nothing in it then reads all of that table, again and again.
"""

from django.db import connection

_OUTGROWN = """
SELECT quote_ident(c.relname) FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
WHERE s.schemaname = current_schema() AND c.relkind = 'r' AND NOT c.relispartition
  AND s.n_mod_since_analyze > 200 + 2 * greatest(c.reltuples, 0)
"""


def refresh() -> list[str]:
    """Analyses the tables that have trebled since they were, so that plans are made anew; their names.

    Waits for nobody who is doing so already.
    """
    with connection.cursor() as cursor:
        cursor.execute(_OUTGROWN)
        outgrown = sorted(name for (name,) in cursor.fetchall())
        if outgrown:
            cursor.execute(f"ANALYZE (SKIP_LOCKED) {', '.join(outgrown)}")
    return outgrown
