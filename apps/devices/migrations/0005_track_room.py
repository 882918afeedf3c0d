from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('devices', '0004_watch'),
    ]

    operations = [
        migrations.AddField(
            model_name='device',
            name='track_room_at',
            field=models.DateTimeField(blank=True, help_text='when its track has room again for all the fixes that it takes at once', null=True),
        ),
    ]
