"""What people do to accounts and devices is in the journal too, and can be searched.

The kinds are the model's alone. The indexes are made while the journal is written: it is large.
"""

import django.db.models.fields.json
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

from apps.sos.kinds import JournalKind


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("sos", "0011_stale_credential"), ("users", "0012_remarks")]

    operations = [
        migrations.AlterField(
            model_name="journalentry",
            name="kind",
            field=models.CharField(choices=JournalKind.choices, max_length=32),
        ),
        AddIndexConcurrently(
            model_name="journalentry",
            index=models.Index(condition=models.Q(("event__isnull", True)), fields=["-position"], name="sos_deeds"),
        ),
        AddIndexConcurrently(
            model_name="journalentry",
            index=models.Index(
                django.db.models.fields.json.KeyTextTransform("person", "data"),
                condition=models.Q(("event__isnull", True)),
                name="sos_deeds_of",
            ),
        ),
    ]
