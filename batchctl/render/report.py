"""`batchctl report` in every format, as pieces of text: a window with a million runs is never held in memory.

JSON, CSV and Markdown are complete; the terminal gets the newest rows, and the number of those it does not show.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.clock import human, iso
from batchctl.core import model
from batchctl.core.record import Record
from batchctl.duration import format_duration
from batchctl.render.status import brief_result
from batchctl.render.tables import csv_lines, keep_whole, lines, markdown_table, table
from batchctl.render.text import STYLES, cell, console, in_words, json_text, percent, shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import Any, TextIO

    from rich.console import Console

    from batchctl.clock import Zone
    from batchctl.core.statistics import Stats
    from batchctl.store.history import RunRow, SkipRow, StepRow

_SHOWN = 20
"""Rows of each table that a terminal gets."""
_STEP_WIDTH = 60


class Report(Record):
    """What the history holds for a window; each function fetches when it is called, at most that many (-1: all)."""

    since: float
    until: float
    runs: Callable[[int], Iterable[tuple[RunRow, list[StepRow]]]]
    skips: Callable[[int], Iterable[SkipRow]]
    stats: Mapping[str, Stats]
    zone: Zone


def as_json(report: Report) -> Iterator[str]:
    """Yield the contract's object, one run or skip per line."""
    head = {"from": iso(report.since, report.zone), "to": iso(report.until, report.zone)}
    yield json_text(head)[:-1]
    yield ', "runs": ['
    yield from _items(_run_json(run, steps, report.zone) for run, steps in report.runs(-1))
    yield '], "skips": ['
    yield from _items(_skip_json(skip, report.zone) for skip in report.skips(-1))
    stats = {job: {name: getattr(found, name) for name in _STATS} for job, found in report.stats.items()}
    yield f'], "stats": {json_text(stats)}}}\n'


_STATS = (
    "runs",
    "succeeded",
    "failed",
    "success_rate",
    "avg_s",
    "p50_s",
    "p95_s",
    "max_s",
    "skips",
    "effective_interval_s",
)


def _items(values: Iterable[dict[str, Any]]) -> Iterator[str]:
    separator = "\n"
    for value in values:
        yield separator + json_text(value)
        separator = ",\n"


def _run_json(run: RunRow, steps: Iterable[StepRow], zone: Zone) -> dict[str, Any]:
    return {
        "id": run.id,
        "job": run.job,
        "status": run.status,
        "started_at": iso(run.started_at, zone),
        "ended_at": iso(run.ended_at, zone),
        "duration_s": run.duration_s,
        "exit_code": run.exit_code,
        "why": run.why,
        "steps": [
            {
                "id": step.id,
                "group": step.group,
                "status": step.status,
                "exit_code": step.exit_code,
                "signal": step.signal,
                "attempts": step.attempts,
                "duration_s": step.duration_s,
                "result": step.result,
            }
            for step in steps
        ],
    }


def _skip_json(skip: SkipRow, zone: Zone) -> dict[str, Any]:
    return {
        "job": skip.job,
        "reason": skip.reason,
        "count": skip.times,
        "first_at": iso(skip.first_at, zone),
        "last_at": iso(skip.last_at, zone),
        "run_id": skip.run_id,
    }


def as_csv(report: Report) -> Iterator[str]:
    """Yield one line per run: its steps as `id=status` words, their results as one JSON object by step."""
    headers = ("id", "job", "status", "started_at", "ended_at", "duration_s", "exit_code", "steps", "results")
    return csv_lines(headers, (_csv_row(run, steps, report.zone) for run, steps in report.runs(-1)))


def _csv_row(run: RunRow, steps: list[StepRow], zone: Zone) -> list[str | float | None]:
    results = {step.id: step.result for step in steps if step.result is not None}
    return [
        run.id,
        run.job,
        run.status,
        iso(run.started_at, zone),
        iso(run.ended_at, zone),
        run.duration_s,
        run.exit_code,
        " ".join(f"{step.id}={step.status}" for step in steps),
        json_text(results) if results else None,
    ]


def as_markdown(report: Report) -> Iterator[str]:
    """Yield a Markdown document: statistics, runs, skips."""
    yield f"# {_period(report)}\n\n## Jobs\n\n"
    yield from markdown_table(_STATS_HEADERS, (_stats_row(job, found) for job, found in report.stats.items()))
    yield "\n## Runs\n\n"
    rows = (_run_row(run, steps, report.zone) for run, steps in report.runs(-1))
    yield from markdown_table(_RUN_HEADERS, rows)
    yield "\n## Skips\n\n"
    yield from markdown_table(_SKIP_HEADERS, (_skip_row(skip, report.zone) for skip in report.skips(-1)))


def print_tables(report: Report, file: TextIO | None = None) -> None:
    """Print statistics, the newest runs and the newest skips, on stdout or into a file."""
    out = console(file)
    out.print(cell(_period(report), "bold"))
    if not any(found.runs or found.skips for found in report.stats.values()):
        out.print("Nothing ran and nothing was skipped.")
        return
    stats = [_stats_row(job, found) for job, found in report.stats.items()]
    ready = lines(_STATS_HEADERS, stats, out.width)
    if ready is None:
        _print_table(out, _STATS_HEADERS, stats)
    else:
        out.print()
        out.print(ready)
    runs = [_run_row(run, steps, report.zone) for run, steps in report.runs(_SHOWN)]
    if runs:
        _print_table(out, _RUN_HEADERS, runs)
        older = sum(found.runs for found in report.stats.values()) - len(runs)
        _print_rest(out, f"{older:,} more runs" if older > 0 else None)
    # One more than is shown tells whether there are more, without counting them.
    skips = [_skip_row(skip, report.zone) for skip in report.skips(_SHOWN + 1)]
    if skips:
        _print_table(out, _SKIP_HEADERS, skips[:_SHOWN])
        _print_rest(out, "more skips" if len(skips) > _SHOWN else None)


def _print_table(out: Console, headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    made = table(headers)
    for row in rows:
        made.add_row(*(cell(text, STYLES.get(text.replace(" ", "_"), "")) for text in row))
    keep_whole(made)
    out.print()
    out.print(made)


def _print_rest(out: Console, what: str | None) -> None:
    if what is not None:
        out.print(cell(f"and {what} before these; --format json and md are complete", "dim"))


def _period(report: Report) -> str:
    return f"{human(report.since, report.zone)} to {human(report.until, report.zone)}"


_STATS_HEADERS = ("JOB", ">RUNS", ">FAILED", ">OK", ">AVG", ">P50", ">P95", ">MAX", ">SKIPS", ">EVERY")
_RUN_HEADERS = (">RUN", "JOB", "STATUS", "STARTED", ">TOOK", "STEPS")
_SKIP_HEADERS = ("JOB", "REASON", ">TIMES", "FIRST", "LAST", ">RUN")


def _stats_row(job: str, found: Stats) -> list[str]:
    durations = (found.avg_s, found.p50_s, found.p95_s, found.max_s)
    return [
        job,
        str(found.runs),
        str(found.failed),
        percent(found.success_rate),
        *map(format_duration, durations),
        str(found.skips),
        format_duration(found.effective_interval_s),
    ]


def _run_row(run: RunRow, steps: Iterable[StepRow], zone: Zone) -> list[str]:
    shown = "; ".join(_step_text(step) for step in steps)
    took = format_duration(run.duration_s)
    return [str(run.id), run.job, in_words(run.status), human(run.started_at, zone), took, shown or "-"]


def _step_text(step: StepRow) -> str:
    brief = brief_result(step)
    status = "" if step.status == model.SUCCEEDED else f" {in_words(step.status)}"
    return shorten(f"{step.id}{status}{'' if brief == '-' else f' ({brief})'}", _STEP_WIDTH)


def _skip_row(skip: SkipRow, zone: Zone) -> list[str]:
    run = "-" if skip.run_id is None else str(skip.run_id)
    times = (human(skip.first_at, zone), human(skip.last_at, zone))
    return [skip.job, in_words(skip.reason), str(skip.times), *times, run]
