"""Figures of README.md and docs/, read from the results pages: `python -m benchmarks.figures`.

A figure is a link to a results page whose title names the cell, row first:

    F1 [.922](../benchmarks/results/quality.md#europarl-ner "default / 799 alone")

Its text is replaced by the number in the cell, rounded to the decimals that the text has. A table
is copied between two comments; without `columns` or `rows`, it is copied whole:

    <!-- table: ../benchmarks/results/quality.md#absa; columns: es train | es test; rows: exact -->
    <!-- /table -->

The command updates the files, `--check` only says which are out of date. The docs site does the
same to every page that it reads, and fails if a page, a row or a column does not exist.
"""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
_LINK = re.compile(r'\[([^\]\[]+)\]\(([^()\s]*benchmarks/results/[^()\s]+)\s+"([^"]+)"\)')
_TABLE = re.compile(r"(<!-- table: ([^;\s]+)(.*?) -->\n).*?(<!-- /table -->)", re.DOTALL)
_NUMBER = re.compile(r"(?<![\w.])[-+−]?(?:\d[\d,]*(?:\.\d+)?|\.\d+)")


class FigureError(ValueError):
    """A figure or table that no results page has."""


@dataclass(frozen=True)
class Table:
    """A table of a results page, under the anchor of its heading."""

    anchor: str
    head: list[str]
    align: str
    rows: list[list[str]]

    def row(self, name: str) -> list[list[str]]:
        """The rows whose first cell, or whose first cells joined by commas, are the name."""
        return [
            row for row in self.rows if any(name == ", ".join(row[:n]).strip() for n in (1, 2, 3))
        ]


def pages() -> list[Path]:
    """The pages that quote figures."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def refreshed(text: str, folder: Path) -> str:
    """The text of a page in a folder, with the figures and tables that the results pages have now.

    Raises:
        FigureError: a results page, row or column does not exist, or is not the only one.
    """

    def link(found: re.Match[str]) -> str:
        shown, target, title = found.groups()
        return found[0].replace(f"[{shown}]", f"[{_like(shown, _cell(target, title, folder))}]", 1)

    def table(found: re.Match[str]) -> str:
        opening, target, options, closing = found.groups()
        return opening + _excerpt(target, options, folder) + closing

    return _TABLE.sub(table, _LINK.sub(link, text))


def _cell(target: str, title: str, folder: Path) -> str:
    row, slash, column = " ".join(title.split()).rpartition(" / ")
    if not slash:
        raise FigureError(f'{target} "{title}": the title must be "ROW / COLUMN"')
    cells = [
        found[table.head.index(column)]
        for table in _tables_at(target, folder)
        if column in table.head
        for found in table.row(row)
    ]
    if len(cells) != 1:
        raise FigureError(f'{target} has {len(cells)} cells "{row} / {column}", not one')
    return cells[0]


def _excerpt(target: str, options: str, folder: Path) -> str:
    wanted = {"columns": None, "rows": None} | {
        key.strip(): [" ".join(name.split()) for name in names.split(" | ")]
        for key, _, names in (part.partition(": ") for part in options.split(";") if part.strip())
    }
    if unknown := set(wanted) - {"columns", "rows"}:
        raise FigureError(f"{target}: unknown setting of a table: {', '.join(unknown)}")
    columns, rows = wanted["columns"], wanted["rows"]
    fitting = [
        table
        for table in _tables_at(target, folder)
        if set(columns or ()) <= set(table.head) and all(table.row(name) for name in rows or ())
    ]
    if len(fitting) != 1:
        raise FigureError(f"{len(fitting)} tables of {target} have these columns and rows, not one")
    table = fitting[0]
    kept = [0] + [table.head.index(name) for name in columns or table.head[1:]]
    chosen = [row for name in rows for row in table.row(name)] if rows else table.rows
    ruler = table.align.strip().strip("|").split("|")
    lines = [[cells[i] for i in kept] for cells in (table.head, *chosen)]
    lines = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    shown = [f"| {' | '.join(line)} |\n" for line in lines]
    return "".join([shown[0], f"|{'|'.join(ruler[i] for i in kept)}|\n", *shown[1:]])


def _tables_at(target: str, folder: Path) -> list[Table]:
    path, _, anchor = target.partition("#")
    page = (folder / path).resolve()
    if not page.is_file():
        raise FigureError(f"no such results page: {target}")
    return [table for table in _tables(page) if anchor in ("", table.anchor)]


@cache
def _tables(page: Path) -> list[Table]:
    tables, anchor = [], ""
    lines = page.read_text("utf-8").splitlines()
    for at, line in enumerate(lines):
        if heading := re.match(r"#+ (.*)", line):
            anchor = slug(heading[1])
        elif re.fullmatch(r"\|[-:| ]+\|", line):
            end = next(
                (n for n in range(at, len(lines)) if not lines[n].startswith("|")), len(lines)
            )
            rows = [_cells(row) for row in lines[at + 1 : end]]
            tables.append(Table(anchor, _cells(lines[at - 1]), line, rows))
    return tables


def slug(heading: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")


def _cells(line: str) -> list[str]:
    inner = line.strip().removeprefix("|").removesuffix("|")
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", inner)]


def _like(shown: str, cell: str) -> str:
    """The shown text with the numbers of a cell, in the same order and with as many decimals."""
    numbers = iter(_NUMBER.findall(cell))

    def replaced(found: re.Match[str]) -> str:
        number = next(numbers, None)
        if number is None:
            raise FigureError(f"the cell {cell!r} has fewer numbers than the text {shown!r}")
        return _rounded(number, found[0])

    text, count = _NUMBER.subn(replaced, shown)
    if not count:
        raise FigureError(f"the text {shown!r} has no number to replace by that of {cell!r}")
    return text


def _rounded(number: str, shown: str) -> str:
    value = Decimal(number.replace(",", "").replace("−", "-"))
    digits = len(shown.partition(".")[2])
    if digits > len(number.partition(".")[2]):
        raise FigureError(f"{shown} has more decimals than the measured {number}")
    value = value.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    plain = f"{abs(value):,f}" if "," in number else f"{abs(value):f}"
    style = shown.lstrip("-+−")
    if style.startswith(".") or (number.lstrip("-+−").startswith(".") and style[0] != "0"):
        plain = plain.removeprefix("0") or "0"
    sign = {True: "−" if shown[0] == "−" else "-", False: "+"}[value < 0]
    return (sign if shown[0] in "-+−" else "") + plain


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only name the pages to update")
    check = parser.parse_args().check
    stale = []
    for page in pages():
        text = page.read_text("utf-8")
        if (new := refreshed(text, page.parent)) != text:
            stale.append(page.relative_to(ROOT))
            if not check:
                page.write_text(new, "utf-8")
    for name in stale:
        print(f"{name}: {'out of date' if check else 'updated'}")
    sys.exit(bool(stale and check))


if __name__ == "__main__":
    main()
