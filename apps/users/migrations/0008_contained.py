from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('users', '0007_registration'),
    ]

    operations = [
        migrations.AddField(
            model_name='user',
            name='contained_at',
            field=models.DateTimeField(blank=True, editable=False, help_text='since then its signals go to dispatchers first', null=True),
        ),
    ]
