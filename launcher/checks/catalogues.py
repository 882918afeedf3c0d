"""The translations: compiled by `./mdd fix`, compared with what is compiled by `./mdd check`."""

import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po

from launcher.places import PROJECT


def catalogues(root: Path = PROJECT) -> list[Path]:
    """Every catalogue of the project, as a translator writes it."""
    return sorted(root.glob("apps/*/locale/*/LC_MESSAGES/django.po"))


def wrong(path: Path) -> Iterator[str]:
    """What is untranslated in a catalogue, and what its compiled form does not have or has otherwise."""
    written = _words(_read(path))
    try:
        with path.with_suffix(".mo").open("rb") as file:
            compiled = _words(read_mo(file))
    except OSError:
        compiled = {}
    for key, word in written.items():
        if not word:
            yield f"{key[0]!r} has no translation"
        elif compiled.get(key) != word:
            yield f"{key[0]!r} is not compiled"
    yield from (f"{key[0]!r} is compiled, and not in the catalogue" for key in compiled.keys() - written.keys())


def compile_all(root: Path = PROJECT) -> list[Path]:
    """Compiles each catalogue that is not; returns those it has compiled."""
    stale = [path for path in catalogues(root) if any("compiled" in what for what in wrong(path))]
    for path in stale:
        with path.with_suffix(".mo").open("wb") as file:
            write_mo(file, _read(path))
    return stale


def _read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, abort_invalid=True)


def _words(catalogue: Catalog) -> dict[tuple[str, str | None], str]:
    """The translations by message and context; of one with plurals, all forms."""
    return {
        (str(message.id), message.context): "\0".join(_forms(message.string))
        for message in catalogue
        if message.id and not message.fuzzy
    }


def _forms(string: str | list[str] | tuple[str, ...] | None) -> list[str]:
    return [string] if isinstance(string, str) else list(string or [""])


if __name__ == "__main__":
    for path in compile_all() if "--fix" in sys.argv else []:
        print(f"compiled {path.with_suffix('.mo').relative_to(PROJECT)}")
    mistakes = [f"{path.relative_to(PROJECT)}: {what}" for path in catalogues() for what in wrong(path)]
    print("\n".join(mistakes))
    if mistakes:
        sys.exit("`./mdd fix` compiles the catalogues.")
