"""docs/security.md tells of every file of attacks, and of none that is not there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_file_of_attacks_is_in_the_table_and_every_file_named_exists() -> None:
    named = set(re.findall(r"`(tests/[\w/]+\.py)`", (ROOT / "docs/security.md").read_text()))
    attacks = {path.relative_to(ROOT).as_posix() for path in (ROOT / "tests/attacks").glob("test_*.py")}
    assert attacks <= named
    assert not [path for path in named if not (ROOT / path).exists()]
