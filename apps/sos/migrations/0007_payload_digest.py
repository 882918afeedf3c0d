from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('sos', '0006_assigned_helpers'),
    ]

    operations = [
        migrations.AddField(
            model_name='signal',
            name='payload_digest',
            field=models.BinaryField(help_text='of the payload it came with; the event keeps that once: payload_holder', max_length=32, null=True),
        ),
    ]
