"""`batchctl explain`: every check in words, the verdict, and when the job could start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.base import duration
from batchctl.core.time import zones
from batchctl.core.time.zones import iso
from batchctl.present.text import cell, console, format_duration, human, say, symbols

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batchctl.answers.explain import Explanation
    from batchctl.core.guard.decide import Check
    from batchctl.core.time.zones import Zone
    from batchctl.present import contract


def as_json(explanation: Explanation, zone: Zone) -> contract.Explain:
    """Return the contract's object."""
    return {
        "job": explanation.job,
        "at": iso(explanation.at, zone),
        "verdict": _verdict(explanation),
        "reason": explanation.reason,
        "checks": [
            {
                "name": check.name,
                "passed": check.passed,
                "detail": check.detail(lambda instant: zones.human(instant, zone), duration.format_duration),
                "until": iso(check.until, zone),
            }
            for check in explanation.checks
        ],
        "next_start_at": iso(explanation.next_start_at, zone),
        "assumption": explanation.assumption,
    }


def show(explanation: Explanation, zone: Zone) -> None:
    """Print the checks with a sign each, then the verdict."""
    from rich.table import Table
    from rich.text import Text

    signs, out = symbols(), console()
    out.print(Text.assemble(cell(explanation.job, "bold"), say(" at %s", human(explanation.at, zone))))
    lines = Table.grid(padding=(0, 2, 0, 0))
    lines.add_column()
    lines.add_column(no_wrap=True)
    lines.add_column(overflow="fold")
    for check in explanation.checks:
        sign, style = (signs.passed, "green") if check.passed else (signs.failed, "red")
        lines.add_row(Text(sign, style), check.name, cell(detail_text(check, zone)))
    out.print(lines)
    style = "bold green" if explanation.reason is None else "bold yellow"
    *assumed, verdict, next_start = conclusions(explanation, zone)
    for text in assumed:
        out.print(cell(text))
    out.print(cell(verdict, style))
    out.print(cell(next_start))


def conclusions(explanation: Explanation, zone: Zone) -> Iterator[str]:
    """Yield what had to be assumed, where anything had, the verdict, and when the job could start next."""
    if explanation.assumption is not None:
        yield say("Assumed: %s.", explanation.assumption)
    reason = explanation.reason
    yield say("A fire would start it.") if reason is None else say("A fire would be skipped: %s.", reason)
    yield _next_start(explanation, zone)


def _next_start(explanation: Explanation, zone: Zone) -> str:
    if explanation.next_start_at is not None:
        return say("Next start: %s.", human(explanation.next_start_at, zone))
    if explanation.endless is not None:
        return say("Next start: no history yet, and no timeout, says when run %d ends.", explanation.endless)
    return say("No start is in sight.")


def _verdict(explanation: Explanation) -> contract.Verdict:
    return "start" if explanation.reason is None else "skip"


def detail_text(check: Check, zone: Zone) -> str:
    """Return what a check found, as its reader writes times and durations."""
    return check.detail(lambda instant: human(instant, zone), format_duration, say)
