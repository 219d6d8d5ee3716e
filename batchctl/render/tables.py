"""Tables for terminals, Markdown and spreadsheets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.render.text import harmless, plain, width_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import JustifyMethod
    from rich.table import Table

_NAME_WIDTH = 24
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_MARKDOWN = str.maketrans({sign: f"\\{sign}" for sign in "\\`*[]<>|&"} | {"\n": " "})


def table(headers: Sequence[str]) -> Table:
    """Return a table without frame for `headers`; one that begins with `>` is of a right-aligned column.

    Nothing is cut off: a cell that is too wide goes on in the next line.
    """
    from rich import box
    from rich.table import Table

    frame, gap = (None, 2) if plain() else (box.SIMPLE_HEAD, 1)
    made = Table(box=frame, show_edge=False, pad_edge=False, header_style="bold", padding=(0, gap, 0, 0))
    for header in headers:
        justify: JustifyMethod = "right" if header.startswith(">") else "left"
        made.add_column(header.removeprefix(">"), justify=justify, overflow="fold")
    return made


def keep_whole(made: Table) -> None:
    """Let the names of jobs and the moments of their starts stay on one line, unless a name is very long."""
    for column in made.columns:
        widest = max((width_of(str(text)) for text in column.cells), default=0)
        column.no_wrap = column.header in {"JOB", "STARTED"} and widest <= _NAME_WIDTH


def markdown_table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield a Markdown table line by line; what Markdown or HTML would take as markup in a cell is escaped."""
    yield f"| {' | '.join(header.removeprefix('>') for header in headers)} |\n"
    yield f"| {' | '.join('--:' if header.startswith('>') else '---' for header in headers)} |\n"
    for row in rows:
        yield f"| {' | '.join(harmless(cell).translate(_MARKDOWN) for cell in row)} |\n"


def csv_lines(headers: Sequence[str], rows: Iterable[Sequence[str | float | None]]) -> Iterator[str]:
    """Yield CSV line by line; text that a spreadsheet would run as a formula is preceded by an apostrophe."""
    import csv
    from io import StringIO

    buffer = StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(headers)
    for row in rows:
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
        writer.writerow([_no_formula(value) if isinstance(value, str) else value for value in row])
    yield buffer.getvalue()


def _no_formula(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
