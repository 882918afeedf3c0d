from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('users', '0009_phone_confirmed'),
    ]

    operations = [
        migrations.AddField(
            model_name='user',
            name='jumped_at',
            field=models.DateTimeField(blank=True, editable=False, help_text='when the phone of this helper last moved faster than possible', null=True),
        ),
    ]
