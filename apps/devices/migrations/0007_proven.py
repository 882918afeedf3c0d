from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('devices', '0006_days_seen'),
    ]

    operations = [
        migrations.AddField(
            model_name='device',
            name='proven_at',
            field=models.DateTimeField(blank=True, help_text="when a dispatcher said that the watch and its wearer are real", null=True),
        ),
    ]
