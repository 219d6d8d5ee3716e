"""`batchctl status --watch`: the jobs on one screen, drawn again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from batchctl.base.record import replace
from batchctl.core.time.zones import iso
from batchctl.present.status import overview
from batchctl.present.tables import lines_of
from batchctl.present.text import cell, console, counted, say, symbols

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from batchctl.answers.status import Standings
    from batchctl.present.status import Draw, Picture


_PAUSES = 10
"""Pauses between two pictures."""


def watch(draw: Draw, pause: Callable[[], None]) -> None:
    """Draw every ten pauses, and where the terminal has changed its size, until Ctrl-C; the last picture stays."""
    out = console()
    try:
        # Only a terminal can be drawn on again; elsewhere one picture follows the other.
        if out.is_terminal:
            _redraw(draw, pause, out)
        while True:
            out.print(draw(out.width, None))
            out.file.flush()
            for _ in range(_PAUSES):
                pause()
    except KeyboardInterrupt:
        if out.is_terminal:
            out.print(draw(out.width, None))


def _redraw(draw: Draw, pause: Callable[[], None], out: Console) -> NoReturn:
    # A screen of its own: whatever a change of its size does to the lines, the next picture begins in its corner.
    with out.screen(hide_cursor=True) as screen:
        while True:
            size = out.size
            screen.update(draw(size.width, size.height))
            for _ in range(_PAUSES):
                pause()
                if out.size != size:
                    break


def fitting(found: Standings, width: int, height: int) -> Picture:
    """Return the jobs that there is room for, those that run first, below a clock; and how many more there are."""
    from rich.console import Group
    from rich.text import Text

    jobs = sorted(found.jobs, key=lambda status: status.current is None)
    running = sum(status.current is not None for status in jobs)
    clock = iso(round(found.at), found.zone).replace("T", " ")[:19]
    dot = symbols().dot
    head = cell(f"{clock}  {dot}  {say('%d running', running)}  {dot}  {counted(len(jobs), 'job', 'jobs')}", "bold")
    room, shown = height - 2, jobs[:height]
    while shown:
        picture = overview(replace(found, jobs=shown), width)
        rest = len(jobs) - len(shown)
        excess = lines_of(picture, width) + (rest > 0) - room
        if excess <= 0:
            more = [Text(say("%d more", rest), style="dim")] if rest else []
            return Group(head, Text(), picture, *more)
        shown = shown[: -max(1, excess // _TALLEST)]
    return Group(head, Text(), Text(say("%d more", len(jobs)), style="dim")) if jobs else overview(found, width)


_TALLEST = 12
"""Lines that a job takes at most, nearly always; a guess from below of how many have to go."""
