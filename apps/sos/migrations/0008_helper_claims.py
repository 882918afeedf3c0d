"""Each helper's phone rings for one event at a time: a row a helper, made with the role, in place of a lock for all."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models.expressions import RawSQL
from django.db.models.functions import Now

# Half of each page stays free, so that a claim changes hands on its own page and in no index.
ROWS = """
ALTER TABLE sos_helperclaim SET (fillfactor = 50);
CREATE FUNCTION sos_make_claim() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO sos_helperclaim (helper_id) VALUES (NEW.id) ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
CREATE TRIGGER sos_helper_has_claim AFTER INSERT OR UPDATE OF role ON users_user
    FOR EACH ROW WHEN (NEW.role = 'HELPER') EXECUTE FUNCTION sos_make_claim();
INSERT INTO sos_helperclaim (helper_id) SELECT id FROM users_user WHERE role = 'HELPER';
"""
NO_ROWS = "DROP TRIGGER sos_helper_has_claim ON users_user; DROP FUNCTION sos_make_claim();"
# Those who come or are called at this moment, the newest word first.
AS_THEY_ARE = """
UPDATE sos_helperclaim c
SET event_id = called.event_id, is_drill = called.is_drill, rank = called.rank, until = called.until
FROM (SELECT DISTINCT ON (a.helper_id) a.helper_id, e.id AS event_id, e.is_drill, e.rank,
             CASE WHEN a.status IN ('ACCEPTED', 'EN_ROUTE', 'ON_SCENE') THEN 'infinity'::timestamptz
                  ELSE a.rung_at + interval '300 s' END AS until
      FROM sos_helperalert a JOIN sos_sosevent e ON e.id = a.event_id
      WHERE e.status IN ('NEW', 'IN_PROGRESS')
        AND a.status IN ('NOTIFIED', 'ASSIGNED', 'ACCEPTED', 'EN_ROUTE', 'ON_SCENE')
      ORDER BY a.helper_id, e.is_drill, a.status IN ('ACCEPTED', 'EN_ROUTE', 'ON_SCENE') DESC, a.rung_at DESC) called
WHERE c.helper_id = called.helper_id
"""


class Migration(migrations.Migration):
    dependencies = [("sos", "0007_payload_digest"), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations = [
        migrations.AddField(
            "sosevent",
            "rank",
            models.PositiveSmallIntegerField(
                db_default=0, default=0, editable=False, help_text="whose phones ring first when helpers are few"
            ),
        ),
        migrations.CreateModel(
            name="HelperClaim",
            fields=[
                (
                    "helper",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "event",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="sos.sosevent",
                    ),
                ),
                ("is_drill", models.BooleanField(db_default=False)),
                ("rank", models.PositiveSmallIntegerField(db_default=0)),
                ("until", models.DateTimeField(db_default=RawSQL("'-infinity'::timestamptz", []))),
            ],
        ),
        migrations.CreateModel(
            name="LostClaim",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "event",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="sos.sosevent"
                    ),
                ),
                (
                    "helper",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("at", models.DateTimeField(db_default=Now())),
            ],
        ),
        migrations.RunSQL(ROWS, NO_ROWS),
        migrations.RunSQL(AS_THEY_ARE, migrations.RunSQL.noop),
    ]
