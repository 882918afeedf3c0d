from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0004_push_token_session"),
    ]

    operations = [
        migrations.AddField(
            model_name="notification",
            name="provider_id",
            field=models.CharField(
                blank=True, db_default="", default="", help_text="what the provider calls it", max_length=200
            ),
        ),
    ]
