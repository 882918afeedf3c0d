"""Looks are of people, and of the accounts' app: those of before go along.

Their table is left for processes of before, which still run for a moment; `users.flush_expired_tokens` empties it.
"""

from django.db import migrations

COPY = """
INSERT INTO users_look (viewer_id, person_id, way, event_uid, reason, hour, at)
SELECT DISTINCT ON (l.viewer_id, e.user_id, date_trunc('hour', l.at, 'UTC'))
       l.viewer_id, e.user_id, 'API', e.uid, '', date_trunc('hour', l.at, 'UTC'), l.at
FROM sos_look l JOIN sos_sosevent e ON e.id = l.event_id
ORDER BY l.viewer_id, e.user_id, date_trunc('hour', l.at, 'UTC'), l.at
ON CONFLICT DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies = [("sos", "0012_deeds"), ("users", "0016_looks")]

    operations = [
        migrations.RunSQL(COPY, migrations.RunSQL.noop),
        migrations.SeparateDatabaseAndState(state_operations=[migrations.DeleteModel("Look")]),
    ]
