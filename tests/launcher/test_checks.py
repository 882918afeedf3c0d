"""What `./mdd check` finds beside what its tools find, and `./mdd fix` mends."""

from pathlib import Path
from typing import Any

import pytest
from babel.messages.mofile import read_mo
from django.db import models
from django.db.migrations import AddField, AlterField, Migration, RemoveField
from django.db.migrations.state import ModelState, ProjectState

from launcher.checks import catalogues, columns

HEAD = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n\n'


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    """A catalogue with one word, which is compiled."""
    path = tmp_path / "apps/sos/locale/ru/LC_MESSAGES/django.po"
    path.parent.mkdir(parents=True)
    path.write_text(f'{HEAD}msgid "fall"\nmsgstr "падение"\n', encoding="utf-8")
    assert catalogues.compile_all(tmp_path) == [path]
    assert list(catalogues.wrong(path)) == []
    return path


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ('msgid "fall"\nmsgstr "упал"\n', "'fall' is not compiled"),
        ('msgid "fall"\nmsgstr ""\n', "'fall' has no translation"),
        ('msgid "fall"\nmsgstr "падение"\n\nmsgid "button"\nmsgstr "кнопка"\n', "'button' is not compiled"),
        ("", "'fall' is compiled, and not in the catalogue"),
    ],
)
def test_what_is_stale_or_missing_is_found(catalogue: Path, words: str, found: str) -> None:
    catalogue.write_text(HEAD + words, encoding="utf-8")
    assert found in list(catalogues.wrong(catalogue))


def test_fix_compiles_what_has_changed_and_nothing_else(catalogue: Path, tmp_path: Path) -> None:
    assert catalogues.compile_all(tmp_path) == []
    catalogue.write_text(f'{HEAD}msgid "fall"\nmsgstr "упал"\n', encoding="utf-8")
    assert catalogues.compile_all(tmp_path) == [catalogue]
    with catalogue.with_suffix(".mo").open("rb") as compiled:
        assert read_mo(compiled)["fall"].string == "упал"


def test_missing_compiled_file_is_found(catalogue: Path) -> None:
    catalogue.with_suffix(".mo").unlink()
    assert list(catalogues.wrong(catalogue)) == ["'fall' is not compiled"]


def test_every_catalogue_of_the_project_is_looked_at() -> None:
    assert {path.parts[-5] for path in catalogues.catalogues()} == {"users", "sos", "notifications", "monitoring"}


@pytest.mark.parametrize(
    ("operation", "is_wrong"),
    [
        (AddField("watch", "colour", models.CharField(default="")), True),
        (AddField("watch", "colour", models.CharField(default="", db_default="")), False),
        (AddField("watch", "colour", models.CharField(null=True)), False),
        (AddField("watch", "owners", models.ManyToManyField("sos.watch")), False),
        (AlterField("watch", "maybe", models.CharField()), True),
        (AlterField("watch", "maybe", models.CharField(db_default="")), False),
        (AlterField("watch", "always", models.CharField(max_length=9)), False),
        (RemoveField("watch", "maybe"), False),
    ],
)
def test_column_that_old_processes_cannot_fill_is_refused(operation: Any, is_wrong: bool) -> None:
    fields = [("maybe", models.CharField(null=True)), ("always", models.CharField())]
    before = ProjectState()
    before.add_model(ModelState("sos", "Watch", fields))
    migration = Migration("0099_x", "sos")
    migration.operations = [operation]
    assert bool(list(columns.wrong_in(migration, before))) == is_wrong
