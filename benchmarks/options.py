"""What may be asked of `./mdd bench`; run by itself, says what is wrong with it before anything is started."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SHORT = ("locations", "triggers", "strangers", "nearest", "alerts", "pushes", "burst", "attack")
LONG = ("earthquake", "growth", "memory")


@dataclass(frozen=True)
class Chosen:
    """`names`: the benchmarks to run, in their order."""

    names: tuple[str, ...]
    short: bool
    json: Path | None


def parse(prog: str, arguments: Sequence[str] | None = None) -> Chosen:
    """Raises SystemExit when they are wrong or ask for help."""
    parser = argparse.ArgumentParser(
        prog=prog, allow_abbrev=False, description="Measures the service against what it stands on, on this machine."
    )
    parser.add_argument("--short", action="store_true", help=f"about seven minutes, without {', '.join(LONG)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", default=[], choices=(*SHORT, *LONG), help=", ".join((*SHORT, *LONG))
    )
    parsed = parser.parse_args(arguments)
    if parsed.short and (too_long := {*parsed.only} & {*LONG}):
        parser.error(f"{' and '.join(sorted(too_long))}: not in the short form")
    offered = SHORT if parsed.short else (*SHORT, *LONG)
    return Chosen(tuple(name for name in offered if not parsed.only or name in parsed.only), parsed.short, parsed.json)


if __name__ == "__main__":
    parse("./mdd bench")
