from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sos", "0001_initial")]

    operations = [
        migrations.AlterModelOptions(name="journalentry", options={"verbose_name_plural": "journal entries"}),
        migrations.AddField(
            model_name="helperalert",
            name="area_distance_m",
            field=models.PositiveIntegerField(
                default=0, help_text="as the helper is told: from the area's centre, coarse"
            ),
            preserve_default=False,
        ),
    ]
