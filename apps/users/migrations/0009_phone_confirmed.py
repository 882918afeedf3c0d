from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('users', '0008_contained'),
    ]

    operations = [
        migrations.AddField(
            model_name='user',
            name='phone_confirmed_at',
            field=models.DateTimeField(blank=True, editable=False, help_text="when a code sent to the phone was used last", null=True),
        ),
    ]
