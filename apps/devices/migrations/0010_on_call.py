"""A helper has a position's row from the role on, which says whether they are on call: the search looks at those alone."""

import django.contrib.gis.db.models.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# Each row is in one of the two, so that a report costs one index, and a search passes over nobody off duty.
# Django's PostGIS would leave out the condition.
INDEXES = """
CREATE INDEX devices_on_call ON devices_helperposition USING gist (position) WHERE on_call;
CREATE INDEX devices_off_call ON devices_helperposition USING gist (position) WHERE NOT on_call;
"""
NO_INDEXES = "DROP INDEX devices_on_call; DROP INDEX devices_off_call;"
# A report only moves the row, so none can be made from what a report has read of a person whom another one changes.
KEEP = """
CREATE FUNCTION devices_keep_on_call() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.role = 'HELPER' THEN
        INSERT INTO devices_helperposition AS h (user_id, on_call)
        VALUES (NEW.id, NEW.status = 'ACTIVE' AND NEW.on_duty)
        ON CONFLICT (user_id) DO UPDATE SET on_call = excluded.on_call WHERE h.on_call <> excluded.on_call;
    ELSE
        DELETE FROM devices_helperposition WHERE user_id = NEW.id;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER devices_new_helper AFTER INSERT ON users_user
    FOR EACH ROW WHEN (NEW.role = 'HELPER') EXECUTE FUNCTION devices_keep_on_call();
CREATE TRIGGER devices_helper_changed AFTER UPDATE OF role, status, on_duty ON users_user
    FOR EACH ROW WHEN ((NEW.role, NEW.status, NEW.on_duty) <> (OLD.role, OLD.status, OLD.on_duty)
                       AND 'HELPER' IN (NEW.role, OLD.role))
    EXECUTE FUNCTION devices_keep_on_call();
DELETE FROM devices_helperposition h USING users_user u WHERE u.id = h.user_id AND u.role <> 'HELPER';
INSERT INTO devices_helperposition AS h (user_id, on_call)
SELECT id, status = 'ACTIVE' AND on_duty FROM users_user WHERE role = 'HELPER'
ON CONFLICT (user_id) DO UPDATE SET on_call = excluded.on_call WHERE h.on_call <> excluded.on_call;
"""
LEAVE = """
DROP TRIGGER devices_new_helper ON users_user;
DROP TRIGGER devices_helper_changed ON users_user;
DROP FUNCTION devices_keep_on_call();
DELETE FROM devices_helperposition WHERE position IS NULL OR device_id IS NULL;
"""


class Migration(migrations.Migration):
    dependencies = [("devices", "0009_reachable_at"), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations = [
        migrations.AddField(
            "helperposition",
            "on_call",
            models.BooleanField(
                db_default=False, editable=False, help_text="an active helper on duty; kept by the same trigger"
            ),
        ),
        migrations.AddField(
            "helperposition",
            "jumped_at",
            models.DateTimeField(
                editable=False, help_text="when one of their devices last moved faster than possible", null=True
            ),
        ),
        migrations.AlterField(
            "helperposition",
            "device",
            models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="devices.device"
            ),
        ),
        migrations.AlterField(
            "helperposition",
            "position",
            django.contrib.gis.db.models.fields.PointField(
                geography=True, null=True, spatial_index=False, srid=4326
            ),
        ),
        migrations.AlterField("helperposition", "recorded_at", models.DateTimeField(null=True)),
        migrations.RunSQL(INDEXES, NO_INDEXES),
        migrations.RunSQL(KEEP, LEAVE),
    ]
