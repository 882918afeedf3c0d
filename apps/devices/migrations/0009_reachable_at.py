from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('devices', '0008_claims'),
    ]

    operations = [
        migrations.AddField(
            model_name='device',
            name='reachable_at',
            field=models.DateTimeField(blank=True, editable=False, help_text='by our clock: when somebody as fast as possible can be where it said that it is', null=True),
        ),
    ]
