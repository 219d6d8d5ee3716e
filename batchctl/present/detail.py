"""What `batchctl report` tells of one job beyond its row: streaks, trend, steps, weeks or months."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.base.size import format_size
from batchctl.present.sparkline import bar, sparkline
from batchctl.present.tables import keep_whole, markdown_table, table
from batchctl.present.text import (
    STYLES,
    cell,
    counted,
    format_duration,
    harmless,
    in_words,
    percent,
    say,
    told,
    width_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import Console

    from batchctl.answers.report import Report
    from batchctl.core.statistics import Stats
    from batchctl.core.stories import Detail, StepStats

STATS_HEADERS = ("JOB", ">RUNS", ">FAILED", ">OK", ">AVG", ">P50", ">P95", ">MAX", ">SKIPS", ">EVERY")
_STEP_HEADERS = ("STEP", "GROUP", ">RUNS", ">OK", ">P50", ">P95", ">MAX", ">CPU", ">MEMORY")
_DETAIL_HEADERS = ("JOB", ">SCHEDULED", ">SUCCESSES IN A ROW", ">FAILURES IN A ROW", ">RESUMED", "TREND", "SKIPS")
_FACT_HEADERS = ("scheduled", "durations", "skips", "streaks", "resumed")
_BAR_FROM, _BAR = 100, 24
"""Columns of the terminal from which steps get a bar, and its columns."""


def stats_row(job: str, found: Stats) -> list[str]:
    """Return the statistics of a job, or of one of its weeks or months, as cells."""
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


def print_table(out: Console, headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table after an empty line, a status in its colour."""
    made, styles = table(headers), {in_words(name): style for name, style in STYLES.items()}
    for row in rows:
        made.add_row(*(cell(text, styles.get(text, "")) for text in row))
    keep_whole(made)
    out.print()
    out.print(made)


def print_more(report: Report, out: Console) -> None:
    """Print weeks or months where they were asked for, and, of a report on one job, all there is to know of it."""
    job = report.only
    if report.periods:
        rows = [(each.period.name, name, *stats_row(name, found)[1:])
                for each in reversed(report.periods) for name, found in each.stats.items()
                if found.runs or found.skips or job is not None]  # fmt: skip
        head = (say(report.periods_name[:-1]).upper(), *STATS_HEADERS)
        print_table(out, head if job is None else (head[0], *head[2:]),
                    rows if job is None else [(row[0], *row[2:]) for row in rows])  # fmt: skip
    if job is None:
        return
    detail = report.detail(job)
    from rich.text import Text

    out.print()
    for name, text in _facts(detail, report.recent[job]):
        out.print(Text(f"{say(name)}{' ' * max(1, 11 - width_of(say(name)))}{harmless(text)}"))
    if detail.steps:
        _print_steps(out, detail.steps)


def _facts(detail: Detail, recent: Sequence[float]) -> Iterator[tuple[str, str]]:
    if detail.scheduled_interval_s is not None:
        yield "scheduled", say("every %s", format_duration(detail.scheduled_interval_s))
    if recent:
        trend = "" if detail.trend is None else f"  {told(detail.trend.text)}"
        yield "durations", f"{sparkline(recent[::-1])}{trend}"
    reasons = ", ".join(f"{in_words(reason)} {count:,}" for reason, count in detail.skips_by_reason.items())
    if reasons:
        yield "skips", reasons
    yield "streaks", streaks_text(detail)
    if detail.resumed:
        yield "resumed", say("%d, each counted as one with the run that it continued", detail.resumed)


def streaks_text(detail: Detail) -> str:
    """Return the longest streaks in words."""
    success = counted(detail.longest_success_streak, "success", "successes")
    return say("%s, %s in a row at most", success, counted(detail.longest_failure_streak, "failure", "failures"))


def _print_steps(out: Console, steps: Sequence[StepStats]) -> None:
    longest = max((step.p50_s or 0.0 for step in steps), default=0.0) or 1.0
    rows = [_step_row(step) for step in steps]
    if out.width >= _BAR_FROM:
        drawn = [[*row, bar((step.p50_s or 0.0) / longest, _BAR)] for row, step in zip(rows, steps, strict=True)]
        print_table(out, (*_STEP_HEADERS, "MEDIAN"), drawn)
    else:
        print_table(out, _STEP_HEADERS, rows)


def _step_row(step: StepStats) -> list[str]:
    took = map(format_duration, (step.p50_s, step.p95_s, step.max_s))
    used = (format_duration(step.cpu_avg_s), format_size(step.max_rss_bytes))
    return [step.id, step.group or "-", str(step.runs), percent(step.success_rate), *took, *used]


def more_markdown(report: Report) -> Iterator[str]:
    """Yield the same as Markdown tables: weeks or months, jobs in detail, steps."""
    if report.periods:
        yield f"\n**{say(report.periods_name)}**\n\n"
        head = (say(report.periods_name[:-1]).upper(), *STATS_HEADERS)
        yield from markdown_table(
            head,
            ((each.period.name, *stats_row(name, found))
             for each in reversed(report.periods) for name, found in each.stats.items()),
        )  # fmt: skip
    seen = {job: report.detail(job) for job, found in report.stats.items() if found.runs or found.skips}
    if not seen:
        return
    yield f"\n**{say('In detail')}**\n\n"
    yield from markdown_table(_DETAIL_HEADERS, (_detail_row(job, detail) for job, detail in seen.items()))
    if any(detail.steps for detail in seen.values()):
        yield f"\n**{say('Steps')}**\n\n"
        rows = ([job, *_step_row(step)] for job, detail in seen.items() for step in detail.steps)
        yield from markdown_table(("JOB", *_STEP_HEADERS), rows)


def _detail_row(job: str, detail: Detail) -> list[str]:
    return [
        job,
        format_duration(detail.scheduled_interval_s),
        str(detail.longest_success_streak),
        str(detail.longest_failure_streak),
        str(detail.resumed),
        "-" if detail.trend is None else told(detail.trend.text),
        ", ".join(f"{in_words(reason)} {count}" for reason, count in detail.skips_by_reason.items()) or "-",
    ]
