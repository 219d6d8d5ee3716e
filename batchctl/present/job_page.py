"""What the page of one job shows beside its card and pictures: the checks of a fire in words, and its runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batchctl.base.said import recalled
from batchctl.present.explain import conclusions, detail_text
from batchctl.present.html import lang_of
from batchctl.present.status import brief_result
from batchctl.present.text import counted, format_duration, in_words, say, told

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from batchctl.answers.explain import Explanation
    from batchctl.store.history import RunRow, StepRow


def explained(found: Explanation) -> dict[str, Any]:
    """Return every check of a fire now, and what they amount to."""
    return {
        "checks": [
            (check.passed, check.name, in_words(check.name), detail_text(check, found.zone)) for check in found.checks
        ],
        "conclusions": list(conclusions(found, found.zone)),
        "starts": found.reason is None,
    }


def runs(found: Iterable[tuple[RunRow, Sequence[StepRow]]]) -> list[dict[str, Any]]:
    """Return runs with their steps; instants are seconds since the epoch."""
    return [_run(run, steps) for run, steps in found]


def _run(run: RunRow, steps: Sequence[StepRow]) -> dict[str, Any]:
    why = told(recalled(run.why or ""))
    return {
        "id": run.id,
        "status": run.status,
        "words": in_words(run.status),
        "started": run.started_at,
        "ended": run.ended_at,
        "took": format_duration(run.duration_s),
        "why": why,
        "why_lang": lang_of(why),
        "resumed": "" if run.resumed_from is None else say("continues run %d", run.resumed_from),
        "steps": [_step(step) for step in steps],
    }


def _step(step: StepRow) -> dict[str, Any]:
    result = brief_result(step)
    return {
        "id": step.id,
        "group": step.group or "",
        "status": step.status,
        "words": in_words(step.status),
        "took": format_duration(step.duration_s),
        "attempts": counted(step.attempts, "attempt", "attempts") if step.attempts > 1 else "",
        "has_log": step.attempts > 0,
        "result": "" if result == "-" else result,
        "lang": lang_of(result),
    }
