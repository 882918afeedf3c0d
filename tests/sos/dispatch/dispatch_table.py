"""Reads the tables of docs/dispatch.md."""

from dataclasses import dataclass, replace
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs/dispatch.md"


@dataclass(frozen=True)
class Row:
    state: str
    happening: str
    new_state: str
    journal: str
    alerts: str
    messages: str
    next: str


def words(cell: str) -> list[str]:
    return [] if cell == "-" else cell.split(", ")


def tables() -> dict[int, list[list[str]]]:
    """The rows of the page's tables, by their number of columns."""
    text = PAGE.read_text(encoding="utf-8")
    found: dict[int, list[list[str]]] = {}
    for line in text.splitlines():
        if line.startswith("|") and not line.startswith("|---"):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            found.setdefault(len(cells), []).append(cells)
    return {width: rows[1:] for width, rows in found.items()}


def events_table() -> list[Row]:
    rows = [Row(*cells) for cells in tables()[7]]
    cancelled = [replace(row, state="CANCELLED") for row in rows if row.state == "RESOLVED"]
    return rows + [row if row.new_state != "RESOLVED" else replace(row, new_state="CANCELLED") for row in cancelled]
