"""CONTRIBUTING.md, followed: its files exist, its recipes are complete, its checks find what they say they find."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher.checks import catalogues
from launcher.places import PROJECT
from tests.sos.dispatch import test_decide, test_dispatch_table
from tests.sos.dispatch.dispatch_table import Row

PAGE = (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8")
FIELD = "address_note"
# A benchmark fills the column to measure with rows of the usual size.
NOT_OF_THE_RECIPE = ("tests/", "benchmarks/", "CONTRIBUTING.md")


def recipe(name: str) -> str:
    """The paragraphs of one recipe."""
    begun = PAGE[PAGE.index(f"**{name}**") :]
    return re.split(r"\n(?=\*\*|## )", begun)[0]


def files_in(text: str) -> set[str]:
    return set(re.findall(r"`((?:[\w.-]+/)+[\w.-]+\.\w+)`", text))


def sources() -> Iterator[str]:
    for folder in ("apps", "mdd_backend", "simulator", "launcher", "docs"):
        for path in (PROJECT / folder).rglob("*"):
            is_text = path.suffix in {".py", ".js", ".html", ".md", ".yaml"}
            if is_text and not {"migrations", "__pycache__", "vendor"} & {*path.parts}:
                yield path.relative_to(PROJECT).as_posix()


def test_every_file_it_names_exists() -> None:
    named = files_in(PAGE)
    assert len(named) > 20
    assert {name for name in named if not (PROJECT / name).exists()} == set()


def test_recipe_for_a_field_names_every_file_that_knows_the_example() -> None:
    knows = {name for name in sources() if re.search(rf"\b{FIELD}\b", (PROJECT / name).read_text(encoding="utf-8"))}
    assert {name for name in knows if not name.startswith(NOT_OF_THE_RECIPE)} == files_in(recipe("A field"))


def test_row_without_a_player_is_found_by_both_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    new = Row("NEW", "the helper's dog barks", "NEW", "-", "-", "-", "later")
    rows = [*test_decide.events_table(), new]
    monkeypatch.setattr(test_decide, "events_table", lambda: rows)
    with pytest.raises(AssertionError):
        test_decide.test_every_row_is_decided_here_or_done_by_hand()
    assert new.happening not in test_dispatch_table.HAPPENINGS


def test_new_word_is_found_until_it_is_translated_and_compiled(tmp_path: Path) -> None:
    (po, *_) = (PROJECT / name for name in sorted(files_in(recipe("A word"))) if name.endswith(".po"))
    copy = tmp_path / po.relative_to(PROJECT)
    copy.parent.mkdir(parents=True)
    copy.with_suffix(".mo").write_bytes(po.with_suffix(".mo").read_bytes())
    text = po.read_text(encoding="utf-8")
    copy.write_text(f'{text}\nmsgctxt "dog"\nmsgid "Dog"\nmsgstr ""\n', encoding="utf-8")
    assert list(catalogues.wrong(copy)) == ["'Dog' has no translation"]
    copy.write_text(f'{text}\nmsgctxt "dog"\nmsgid "Dog"\nmsgstr "Собака"\n', encoding="utf-8")
    assert list(catalogues.wrong(copy)) == ["'Dog' is not compiled"]
    catalogues.compile_all(tmp_path)
    assert list(catalogues.wrong(copy)) == []
