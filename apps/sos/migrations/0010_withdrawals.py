from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('sos', '0009_doubted_until'),
    ]

    operations = [
        migrations.AddField(
            model_name='helperclaim',
            name='unsteady_at',
            field=models.DateTimeField(help_text='when they last did so for the second time within an hour', null=True),
        ),
        migrations.AddField(
            model_name='helperclaim',
            name='withdrew_at',
            field=models.DateTimeField(help_text='when they last accepted and withdrew', null=True),
        ),
    ]
