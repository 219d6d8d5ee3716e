"""`batchctl report` in every format, as pieces of text: a window with a million runs is never held in memory.

JSON, CSV and Markdown are complete; the terminal gets the newest rows, and the number of those it does not show.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from batchctl.core import model
from batchctl.core.time.zones import iso
from batchctl.present.detail import STATS_HEADERS, more_markdown, print_more, print_table, stats_row
from batchctl.present.sparkline import sparkline
from batchctl.present.status import brief_result
from batchctl.present.tables import csv_lines, lines, markdown_table
from batchctl.present.text import cell, console, format_duration, human, in_words, json_text, say, shorten

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import TextIO

    from rich.console import Console
    from rich.text import Text

    from batchctl.answers.report import PeriodStats, Report
    from batchctl.core.statistics import Stats
    from batchctl.core.stories import Detail
    from batchctl.core.time.zones import Zone
    from batchctl.present import contract
    from batchctl.store.history import RunRow, SkipRow, StepRow

_SHOWN = 20
"""Rows of each table that a terminal gets."""
_STEP_WIDTH = 60
_RESULTS_FROM = 100
"""Columns of the terminal from which the steps of every run are shown with their results."""
_FEW = 2
"""Steps whose results have room in any terminal."""


def as_json(report: Report) -> Iterator[str]:
    """Yield the contract's object, one run or skip per line."""
    head = {"from": iso(report.since, report.zone), "to": iso(report.until, report.zone)}
    yield json_text(head)[:-1]
    yield ', "runs": ['
    warnings = report.warnings()
    yield from _items(run_json(run, steps, warnings.get(run.id, ()), report.zone) for run, steps in report.runs(-1))
    yield '], "skips": ['
    yield from _items(_skip_json(skip, report.zone) for skip in report.skips(-1))
    yield f'], "stats": {json_text({job: stats_json(report, job) for job in report.stats})}'
    if report.periods:
        yield f', "periods": {json_text([_period_json(each, report.zone) for each in report.periods])}'
    yield "}\n"


def stats_json(report: Report, job: str) -> contract.JobStats:
    """Return the statistics of one of its jobs."""
    return {**_stats_json(report.stats[job]), **_detail_json(report.detail(job))}


def _stats_json(found: Stats) -> contract.Stats:
    return cast("contract.Stats", {name: getattr(found, name) for name in _STATS})


def _period_json(each: PeriodStats, zone: Zone) -> contract.Period:
    stats = {job: _stats_json(found) for job, found in each.stats.items()}
    name, start, end = each.period
    return {"period": name, "from": iso(start, zone), "to": iso(end, zone), "stats": stats}


def _detail_json(detail: Detail) -> contract.Detail:
    trend, own = detail.trend, dict(vars(detail))
    own["trend"] = None if trend is None else dict(vars(trend))
    own["steps"] = [dict(vars(step)) for step in detail.steps]
    return cast("contract.Detail", own)


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


def _items(values: Iterable[object]) -> Iterator[str]:
    separator = "\n"
    for value in values:
        yield separator + json_text(value)
        separator = ",\n"


def run_json(
    run: RunRow, steps: Sequence[StepRow], noticed: Iterable[tuple[int, str, str]], zone: Zone
) -> contract.ReportRun:
    """Return one run with its steps."""
    names = {step.seq: step.id for step in steps}
    return {
        "id": run.id,
        "job": run.job,
        "status": run.status,
        "started_at": iso(run.started_at, zone),
        "ended_at": iso(run.ended_at, zone),
        "duration_s": run.duration_s,
        "exit_code": run.exit_code,
        "why": run.why,
        "resumed_from": run.resumed_from,
        "steps": [
            {
                "id": step.id,
                "group": step.group,
                "status": step.status,
                "exit_code": step.exit_code,
                "signal": step.signal,
                "attempts": step.attempts,
                "duration_s": step.duration_s,
                "cpu_s": step.cpu_s,
                "max_rss_bytes": step.max_rss_bytes,
                "why": step.why,
                "result": step.result,
            }
            for step in steps
        ],
        "warnings": [{"step": names.get(seq), "kind": kind, "text": text} for seq, kind, text in noticed],
    }


def _skip_json(skip: SkipRow, zone: Zone) -> contract.Skip:
    return {
        "job": skip.job,
        "reason": skip.reason,
        "count": skip.times,
        "first_at": iso(skip.first_at, zone),
        "last_at": iso(skip.last_at, zone),
        "run_id": skip.run_id,
    }


def as_csv(report: Report) -> Iterator[str]:
    """Yield one line per run: its steps as `id=status` words, their results as one JSON object by step.

    A report by week or month has one line per period and job instead.
    """
    if report.periods:
        return csv_lines(("period", "from", "to", "job", *_STATS), _period_lines(report))
    headers = (
        "id",
        "job",
        "status",
        "started_at",
        "ended_at",
        "duration_s",
        "exit_code",
        "steps",
        "results",
        "resumed_from",
    )
    return csv_lines(headers, (_csv_row(run, steps, report.zone) for run, steps in report.runs(-1)))


def _period_lines(report: Report) -> Iterator[list[str | float | None]]:
    for each in report.periods:
        name, start, end = each.period
        for job, found in each.stats.items():
            stats = (getattr(found, name) for name in _STATS)
            yield [name, iso(start, report.zone), iso(end, report.zone), job, *stats]


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
        run.resumed_from,
    ]


def as_markdown(report: Report) -> Iterator[str]:
    """Yield a Markdown document: statistics, runs, skips."""
    yield f"# {_period(report)}\n\n## {say('Jobs')}\n\n"
    yield from markdown_table(STATS_HEADERS, (stats_row(job, found) for job, found in report.stats.items()))
    yield from more_markdown(report)
    yield f"\n## {say('Runs')}\n\n"
    rows = (_run_row(run, list(steps), report.zone) for run, steps in report.runs(-1))
    yield from markdown_table(_RUN_HEADERS, rows)
    yield f"\n## {say('Skips')}\n\n"
    yield from markdown_table(_SKIP_HEADERS, (_skip_row(skip, report.zone) for skip in report.skips(-1)))


def print_tables(report: Report, file: TextIO | None = None) -> None:
    """Print statistics, the newest runs and the newest skips, on stdout or into a file."""
    out = console(file)
    out.print(cell(_period(report), "bold"))
    if not any(found.runs or found.skips for found in report.stats.values()):
        out.print(say("Nothing ran and nothing was skipped."))
        return
    stats = [stats_row(job, found) for job, found in report.stats.items()]
    ready = _with_sparklines(report, stats, out.width) or lines(STATS_HEADERS, stats, out.width)
    if ready is None:
        print_table(out, STATS_HEADERS, stats)
    else:
        out.print()
        out.print(ready)
    print_more(report, out)
    shown = _SHOWN if report.limit is None else report.limit
    few = _FEW if out.width < _RESULTS_FROM else None
    runs = [_run_row(run, list(steps), report.zone, few) for run, steps in report.runs(shown)]
    if runs:
        print_table(out, _RUN_HEADERS, runs)
        older = sum(found.runs for found in report.stats.values()) + report.resumed - len(runs)
        _print_rest(out, say("%s more runs", f"{older:,}") if older > 0 else None)
    # One more than is shown tells whether there are more, without counting them.
    skips = [_skip_row(skip, report.zone) for skip in report.skips(shown + 1)]
    if skips:
        print_table(out, _SKIP_HEADERS, skips[:shown])
        _print_rest(out, say("more skips") if len(skips) > shown else None)


def _with_sparklines(report: Report, stats: list[list[str]], width: int) -> Text | None:
    """Return the statistics with the course of the last durations, where the terminal has room for it."""
    if report.only is not None:
        return None
    drawn = [[*row, sparkline(report.recent[job][::-1])] for job, row in zip(report.stats, stats, strict=True)]
    return lines((*STATS_HEADERS, *_LAST_HEADERS), drawn, width)


def _print_rest(out: Console, what: str | None) -> None:
    if what is not None:
        out.print(cell(say("and %s before these; --format json and md are complete", what), "dim"))


def _period(report: Report) -> str:
    return say("%s to %s", human(report.since, report.zone), human(report.until, report.zone))


_LAST_HEADERS = ("LAST",)
_RUN_HEADERS = (">RUN", "JOB", "STATUS", "STARTED", ">TOOK", "STEPS")
_SKIP_HEADERS = ("JOB", "REASON", ">TIMES", "FIRST", "LAST", ">RUN")


def _run_row(run: RunRow, steps: Sequence[StepRow], zone: Zone, few: int | None = None) -> list[str]:
    """Return a run as cells; the steps of a chain longer than `few` without their results."""
    brief = few is not None and len(steps) > few
    shown = "; ".join(_step_text(step, brief=brief) for step in steps)
    took = format_duration(run.duration_s)
    return [str(run.id), run.job, in_words(run.status), human(run.started_at, zone), took, shown or "-"]


def _step_text(step: StepRow, *, brief: bool) -> str:
    ended_well = step.status == model.SUCCEEDED
    result = "-" if brief and ended_well else brief_result(step)
    status = "" if ended_well else f" {in_words(step.status)}"
    return shorten(f"{step.id}{status}{'' if result == '-' else f' ({result})'}", _STEP_WIDTH)


def _skip_row(skip: SkipRow, zone: Zone) -> list[str]:
    run = "-" if skip.run_id is None else str(skip.run_id)
    times = (human(skip.first_at, zone), human(skip.last_at, zone))
    return [skip.job, in_words(skip.reason), str(skip.times), *times, run]
