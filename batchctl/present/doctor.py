"""`batchctl doctor` as lines and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.present.text import STYLES, cell, console, one_line, say, symbols, told, width_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from batchctl.present import contract_upkeep as contract
    from batchctl.watch.preflight import Remark


_SUBJECT_TEXTS = {
    *("configuration", "state", "cron", "crontab", "foreign line", "mail"),
    *("clock", "time zone", "disk", "limits", "backup", "extras", "job"),
}
"""Parts of the machine; the other subjects are keys of a job, which keep their names."""


def as_json(remarks: Iterable[Remark]) -> contract.Doctor:
    """Return the contract's object."""
    return {
        "findings": [
            {
                "level": remark.level,
                "job": remark.job,
                "subject": remark.subject,
                "text": remark.text,
                "remedy": remark.remedy or None,
            }
            for remark in remarks
        ]
    }


def show(remarks: Sequence[Remark]) -> None:
    """Print one line for each, and a remedy below what is not well; the machine first, then job by job."""
    from rich.table import Table
    from rich.text import Text

    out = console()
    signs = symbols()
    marks = {"ok": signs.passed, "warning": "!", "error": signs.failed}
    styles = {"ok": STYLES["succeeded"], "warning": "yellow", "error": STYLES["failed"]}
    width = max((width_of(say(remark.level)) for remark in remarks), default=0)
    for remark in remarks:
        level = say(remark.level) + " " * (width - width_of(say(remark.level)))
        mark = Text(f"{marks[remark.level]} {level}  ", styles[remark.level])
        grid = Table.grid()
        grid.add_row(mark, cell(_said(remark)))
        if remark.remedy:
            grid.add_row("", cell(f"{signs.arrow} {told(remark.remedy)}"))
        out.print(grid)
    count = {level: sum(remark.level == level for remark in remarks) for level in marks}
    out.print(Text(say("%d error(s), %d warning(s)", count["error"], count["warning"])))


def warnings(remarks: Iterable[Remark]) -> Iterator[str]:
    """Yield the same for stderr, as other commands say it in passing."""
    for remark in remarks:
        yield f"batchctl: warning: {one_line(_said(remark))}"
        if remark.remedy:
            yield f"  → {one_line(told(remark.remedy))}"


def _said(remark: Remark) -> str:
    subject = say(remark.subject) if remark.subject in _SUBJECT_TEXTS else told(remark.subject)
    about = subject if remark.job is None else f"{remark.job}: {subject}"
    return f"{about}: {told(remark.text)}"
