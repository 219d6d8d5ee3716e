"""Tables for terminals, Markdown and spreadsheets."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from batchctl.core import model
from batchctl.present.text import cell, console, harmless, plain, say, width_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import JustifyMethod, RenderableType
    from rich.table import Table
    from rich.text import Text

    from batchctl.core.run import StepRun
    from batchctl.store.history import StepRow

S = TypeVar("S", "StepRow", "StepRun")
_NAME_WIDTH = 24
_WHOLE = ("JOB", "STARTED", "job", "preset")
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
        made.add_column(say(header.removeprefix(">")), justify=justify, overflow="fold")
    return made


def keep_whole(made: Table) -> None:
    """Let names and the moments of starts stay on one line, unless a name is very long."""
    for column in made.columns:
        widest = max((width_of(str(text)) for text in column.cells), default=0)
        column.no_wrap = column.header in [say(name) for name in _WHOLE] and widest <= _NAME_WIDTH


def lines(headers: Sequence[str], rows: Sequence[Sequence[str | Text]], width: int) -> Text | None:
    """Return the same table as ready lines, or None where they would be wider than `width` and need wrapping.

    The statistics of 200 jobs take rich's own table 0.2 s, most of it to find out that nothing wraps.
    """
    from rich.text import Text

    shown = [[each if isinstance(each, Text) else cell(each) for each in row] for row in rows]
    names = [cell(say(header.removeprefix(">")), "bold") for header in headers]
    taken = [[width_of(each.plain) for each in row] for row in (names, *shown)]
    widest = [max(column) for column in zip(*taken, strict=True)]
    total = sum(widest) + 2 * (len(widest) - 1)
    if total > width:
        return None
    made = Text(no_wrap=True)
    for number, (row, sizes) in enumerate(zip((names, *shown), taken, strict=True)):
        if number:
            made.append("\n" if plain() or number > 1 else f"\n{'─' * total}\n")
        gap = 0
        for header, each, size, most in zip(headers, row, sizes, widest, strict=True):
            right = header.startswith(">")
            made.append(" " * (gap + (most - size if right else 0))).append_text(each)
            gap = 2 + (0 if right else most - size)
    return made


def markdown_table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield a Markdown table line by line; what Markdown or HTML would take as markup in a cell is escaped."""
    yield f"| {' | '.join(say(header.removeprefix('>')) for header in headers)} |\n"
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


HEADER_LINES = 2
"""Lines above the rows of a table."""


def lines_of(picture: RenderableType, width: int) -> int:
    """Return how many lines a picture takes on a terminal of this width."""
    out = console()
    return len(out.render_lines(picture, out.options.update(width=width, height=None), pad=False))


def window(steps: Sequence[S], room: int) -> tuple[Sequence[S], int]:
    """Return as many steps as there is room for, those around what is under way, and how many are left out."""
    if len(steps) <= room:
        return steps, 0
    room = max(1, room - 1)
    waiting = (model.PENDING, model.RUNNING)
    middle = next((place for place, step in enumerate(steps) if step.status in waiting), 0)
    begin = min(max(0, middle - room // 3), len(steps) - room)
    return steps[begin : begin + room], len(steps) - room
