"""`./mdd bench`: every benchmark, each in a process of its own, and a table of what they found.

Needs DATABASE_URL, of a server where databases may be made, and DJANGO_SECRET_KEY. Exit status 1: a benchmark broke;
an aim that is missed is told, no more.
"""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from launcher.places import PROJECT

from . import options
from .measured import Measured

WIDTH = 150  # where no terminal says
LINES = 30  # of what a broken benchmark said last


class Broken(Exception):
    """The benchmark ended before its end; `stderr`: its last lines."""

    def __init__(self, why: str, stderr: str) -> None:
        super().__init__(why)
        self.stderr = stderr


@dataclass
class Results:
    """The figures, by benchmark, and why the benchmarks that broke did."""

    figures: dict[str, list[Measured]] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    interrupted: bool = False

    @property
    def all(self) -> list[Measured]:
        return [measured for figures in self.figures.values() for measured in figures]


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = options.parse("./mdd bench", arguments)
    if chosen.json:
        write(chosen.json, [])  # one that cannot be written is told now
    results = run_all([f"{__package__}.measures.{name}" for name in chosen.names], short=chosen.short)
    console = Console()
    if not console.is_terminal:
        console.width = WIDTH
    console.print(table(results), conclusion(results))
    if chosen.json:
        write(chosen.json, results.all)
    if results.interrupted:
        return 130
    return 1 if results.broken else 0


def write(path: Path, figures: Sequence[Measured]) -> None:
    path.write_text(json.dumps([measured.as_json() for measured in figures], indent=1, ensure_ascii=False) + "\n")


def run_all(modules: Sequence[str], *, short: bool) -> Results:
    """One after the other; one that breaks keeps none of the others from running."""
    results, progress = Results(), Console(stderr=True)
    for module in modules:
        name = module.rpartition(".")[2]
        figures = results.figures.setdefault(name, [])
        progress.print(f"[bold]{name}[/bold]")
        try:
            with progress.status("measuring …"):
                for measured in run(module, short=short):
                    figures.append(measured)
                    progress.print(f"  {escape(measured.name)}: {_figure(measured.value)} {escape(measured.unit)}")
        except Broken as why:
            results.broken[name] = str(why)
            progress.print(f"  [red]broken:[/red] {escape(str(why))}\n{escape(why.stderr)}")
        except KeyboardInterrupt:
            results.interrupted = True
            break
    return results


def run(module: str, *, short: bool) -> Iterator[Measured]:
    """What it finds, as it finds it. Raises Broken."""
    command = [sys.executable, "-m", f"{__package__}.one", module, *(["--short"] if short else [])]
    why = None
    with TemporaryFile("w+", errors="replace") as stderr:
        # In a group of its own: a terminal's Ctrl-C would reach it too, and twice it cannot clean up.
        with subprocess.Popen(
            command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=stderr, text=True, process_group=0
        ) as child:
            assert child.stdout  # noqa: S101
            try:
                for line in child.stdout:
                    record = json.loads(line)
                    if "broken" in record:
                        why = record["broken"]
                    else:
                        yield Measured(**record)
            except BaseException:
                child.send_signal(signal.SIGINT)
                raise
        if child.returncode:
            stderr.seek(0)
            raise Broken(why or f"ended with status {child.returncode}", "".join(stderr.readlines()[-LINES:]))


def table(results: Results) -> Table:
    shown = Table("what", "value", "yardstick", "ratio", "aim", "met")
    for column in shown.columns[1:]:
        column.justify = "right"
    shown.columns[2].justify = "left"
    for name, figures in results.figures.items():
        for measured in figures:
            shown.add_row(*_row(measured))
        if name in results.broken:
            shown.add_row(f"[red]{name} broke[/red]", "", escape(results.broken[name]), "", "", "")
        shown.add_section()
    return shown


def _row(measured: Measured) -> list[str]:
    yardstick = "" if measured.yardstick is None else f"{_figure(measured.yardstick)}  {escape(measured.by)}"
    ratio = "" if measured.ratio is None else f"{measured.ratio:.3g} ×"
    met = {None: "", True: "[green]✓[/green]", False: "[red]✗[/red]"}[measured.met]
    value = f"{_figure(measured.value)} {escape(measured.unit)}"
    return [escape(measured.name), value, yardstick, ratio, measured.aim or "", met]


def conclusion(results: Results) -> str:
    aimed = [measured for measured in results.all if measured.met is not None]
    missed = [measured.name for measured in aimed if not measured.met]
    text = f"{len(aimed) - len(missed)} of {len(aimed)} aims met"
    if missed:
        text += f"; not: {escape(', '.join(missed))}"
    return text + (f". Broken: {', '.join(results.broken)}" if results.broken else "")


def _figure(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"


if __name__ == "__main__":
    sys.exit(main())
