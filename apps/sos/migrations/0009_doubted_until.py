from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('sos', '0008_helper_claims'),
    ]

    operations = [
        migrations.AddField(
            model_name='sosevent',
            name='doubted_until',
            field=models.DateTimeField(blank=True, help_text="no helper is called before then without a dispatcher's word", null=True),
        ),
    ]
