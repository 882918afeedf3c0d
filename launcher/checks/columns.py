"""No new column may break the processes of the version before, which still insert rows during an upgrade."""

import os
import sys
from collections.abc import Iterator

import django
from django.db.migrations import AddField, AlterField, Migration
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState
from django.db.models import NOT_PROVIDED, Field

# The last migration of each app before the rule was made.
KEPT = {"devices": "0004", "monitoring": "0001", "notifications": "0004", "sos": "0006", "users": "0005"}


def wrong(loader: MigrationLoader) -> Iterator[str]:
    """The columns that are added, or made NOT NULL, without a default in the database."""
    for (app, name), migration in sorted(loader.disk_migrations.items()):
        if app in KEPT and name[:4] > KEPT[app]:
            before = loader.project_state((app, name), at_end=False)
            yield from (f"{app}/{name}: {what}" for what in wrong_in(migration, before))


def wrong_in(migration: Migration, before: ProjectState) -> Iterator[str]:
    """The same of one migration; `before`: the models that it changes."""
    for operation in migration.operations:
        if isinstance(operation, AddField | AlterField) and not _has_default(operation.field):
            model = before.models.get((migration.app_label, operation.model_name_lower))
            old = model.fields.get(operation.name) if model else None
            if old is None or old.null:
                yield f"{operation.model_name}.{operation.name} is NOT NULL and needs a db_default"


def _has_default(field: "Field[object, object]") -> bool:
    return field.null or field.many_to_many is True or field.db_default is not NOT_PROVIDED


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mdd_backend.settings")
    django.setup()
    mistakes = list(wrong(MigrationLoader(None)))
    print("\n".join(mistakes))
    sys.exit(bool(mistakes))
