from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False
    dependencies = [("shop", "0002_change")]
    operations = [
        AddIndexConcurrently("item", models.Index(fields=["note"],
                                                  name="item_note")),
        migrations.RenameModel("Tag", "Label"),
        migrations.DeleteModel("Label"),
    ]
