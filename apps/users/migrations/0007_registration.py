from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('users', '0006_devices_most'),
    ]

    operations = [
        migrations.CreateModel(
            name='Registration',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('address', models.CharField(max_length=45)),
                ('at', models.DateTimeField()),
            ],
            options={
                'indexes': [models.Index(fields=['address', 'at'], name='users_registrations_from')],
            },
        ),
    ]
