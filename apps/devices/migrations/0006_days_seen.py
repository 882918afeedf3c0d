"""Devices that are there already count as established: PostgreSQL gives their rows the first default, without writing them.

Else nobody would be one for the three days after an upgrade. A small integer without a check, which would read the table.
"""

from django.db import migrations, models

HELP = 'on how many days it has reported (UTC)'


class Migration(migrations.Migration):

    dependencies = [
        ('devices', '0005_track_room'),
    ]

    operations = [
        migrations.AddField(
            model_name='device',
            name='days_seen',
            field=models.SmallIntegerField(db_default=3, default=0, help_text=HELP),
        ),
        migrations.AlterField(
            model_name='device',
            name='days_seen',
            field=models.SmallIntegerField(db_default=0, default=0, help_text=HELP),
        ),
        migrations.AddField(
            model_name='device',
            name='seen_day',
            field=models.DateField(blank=True, help_text='the last of them', null=True),
        ),
    ]
