import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('users', '0005_resets_and_tries'),
    ]

    operations = [
        migrations.AddField(
            model_name='user',
            name='devices_most',
            field=models.IntegerField(blank=True, help_text='how many devices it may have; else as many as all accounts', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(100000)]),
        ),
    ]
