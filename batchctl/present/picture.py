"""`batchctl report --format html`: each job's story in numbers and pictures, however long its history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batchctl.base.said import recalled
from batchctl.base.size import format_size
from batchctl.core import model
from batchctl.core.time.periods import date_of, day_of
from batchctl.present import charts
from batchctl.present.descriptions import described
from batchctl.present.detail import STATS_HEADERS, stats_row, streaks_text
from batchctl.present.gantt import Course, Skips, Span, gantt
from batchctl.present.html import HALF, data_table, drawn, lang_of, page, sizes
from batchctl.present.now import as_values
from batchctl.present.text import counted, format_duration, harmless, human, in_words, percent, say, told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchctl.answers.report import Report, Shown, View
    from batchctl.core.model import Job
    from batchctl.core.statistics import Stats
    from batchctl.core.stories import Detail, StepStats
    from batchctl.core.time.zones import Zone
    from batchctl.present.html import DataTable
    from batchctl.watch.underway import Current

_JOBS = 12
_RESULTS = 9
_STEPS = 30
_CALENDAR_TEXTS = {
    "f-succeeded": "succeeded",
    "f-failed": "failed",
    "f-timed_out": "timed out",
    "f-cancelled": "cancelled, lost or stale",
    "f-running": "running",
    "f-skipped": "only skipped",
    "f-none": "nothing",
}


_STEP_HEADERS = ("Step", "Group", "Runs", "Success", "Average", "p50", "p95", "Longest", "CPU", "Most memory")


def as_html(report: Report, made: float) -> str:
    """Return the page."""
    # The jobs that have most to tell come first; those that have nothing are in the overview alone.
    busy = sorted(
        (job for job, found in report.stats.items() if found.runs or found.skips),
        key=lambda job: (-report.stats[job].failed - report.stats[job].skips, -report.stats[job].runs, job),
    )
    sections = [job_values(report, report.view(job), f"j{number}") for number, job in enumerate(busy[:_JOBS])]
    anchors = {section["name"]: section["key"] for section in sections}
    single = next(iter(report.stats)) if len(report.stats) == 1 else None
    more = len(busy) - _JOBS
    return page(
        "report.html.j2",
        say("%s: report", single or say("Batch jobs")),
        made,
        report.zone,
        heading=say("Batch report"),
        period=say("%s to %s", human(report.since, report.zone), human(report.until, report.zone)),
        now=None if report.now is None else as_values(report.now()),
        tiles=_tiles(report),
        overview=[] if single else _overview(report, anchors),
        jobs=sections,
        periods_name=say(report.periods_name),
        left_out=say("%d more jobs: batchctl report JOB --format html draws each of them.", more) if more > 0 else "",
    )


def _tiles(report: Report) -> list[tuple[str, str]]:
    found = list(report.stats.values())
    runs, good, bad = (sum(getattr(each, name) for each in found) for name in ("runs", "succeeded", "failed"))
    rate = good / (good + bad) if good + bad else None
    skips = sum(each.skips for each in found)
    return [
        (percent(rate), say("succeeded")),
        (f"{runs:,}", say("runs")),
        (f"{bad:,}", say("failed")),
        (f"{skips:,}", say("skipped fires")),
    ]


def _overview(report: Report, anchors: dict[str, str]) -> list[dict[str, Any]]:
    rows = []
    for number, (job, found) in enumerate(report.stats.items()):
        small = charts.spark([*reversed(report.recent.get(job, ()))], f"o{number}", job)
        cells = (
            (say("Runs"), f"{found.runs:,}"),
            (say("Failed"), f"{found.failed:,}"),
            (say("Success"), percent(found.success_rate)),
            ("p50", format_duration(found.p50_s)),
            ("p95", format_duration(found.p95_s)),
            (say("Skips"), f"{found.skips:,}"),
            (say("Starts every"), format_duration(found.effective_interval_s)),
        )
        spark = None if small is None else drawn(small)
        rows.append({"job": job, "lang": lang_of(job), "anchor": anchors.get(job), "cells": cells, "spark": spark})
    return rows


def job_values(report: Report, view: View, key: str, current: Current | None = None) -> dict[str, Any]:
    """Return what a template shows of one job; with its running run the time line goes on to the expected end."""
    stats, about = report.stats[view.name], _about(view.job)
    trend = "" if view.detail.trend is None else told(view.detail.trend.text)
    return {
        "name": view.name,
        "key": key,
        "lang": lang_of(view.name),
        "about": about,
        "about_lang": lang_of(about),
        "facts": _facts(stats, view.detail),
        "trend": trend,
        **_calendar(report, view, key),
        **_gantt(report, view, key, current),
        **_durations(report, view, key),
        **_steps(view.detail.steps, key),
        **_results(view, key, report.zone),
        "periods": _periods(report, view.name),
        "failures": [_failure(shown, report.zone) for shown in view.failures],
        "failures_more": _failures_more(stats, view),
    }


def _about(job: Job | None) -> str:
    if job is None:
        return say("no longer in the configuration")
    fires = say("scheduled %s", job.schedule.text) if job.schedule.text else say("run by hand")
    budget = say("timeout %s", format_duration(job.timeout)) if job.timeout else ""
    return " · ".join(filter(None, [described(job.description), fires, budget]))


def _facts(stats: Stats, detail: Detail) -> list[tuple[str, str]]:
    ended = stats.succeeded + stats.failed
    reasons = ", ".join(f"{in_words(reason)} {count:,}" for reason, count in detail.skips_by_reason.items())
    scheduled = detail.scheduled_interval_s
    rate = (percent(stats.success_rate), f"{stats.succeeded:,}", f"{ended:,}")
    facts = [
        (say("Success rate"), say("%s (%s of %s)", *rate) if ended else "-"),
        (say("Typical duration"), f"{format_duration(stats.p50_s)} (p50), {format_duration(stats.p95_s)} (p95)"),
        (say("Average, longest"), f"{format_duration(stats.avg_s)}, {format_duration(stats.max_s)}"),
        (say("Starts every"), format_duration(stats.effective_interval_s)),
        (say("Scheduled every"), format_duration(scheduled)),
        (say("Skipped fires"), f"{stats.skips:,}" + (f": {reasons}" if reasons else "")),
        (say("Longest streaks"), streaks_text(detail)),
    ]
    if detail.resumed:
        facts.append(
            (
                say("Resumed"),
                say("%s, each told as one with what it continued", counted(detail.resumed, "run", "runs")),
            )
        )
    return facts


def _calendar(report: Report, view: View, key: str) -> dict[str, Any]:
    zone = report.zone
    seen = charts.days(view.stories, [(skip.last_at, skip.times) for skip in view.skips], zone)
    first, last = day_of(report.since, zone), day_of(report.until - 1e-6, zone)
    # A window that begins long before the history would be mostly empty squares.
    first = max(first, min([last, *(day for day in seen if day >= first)]) if last - first > 366 else first)  # noqa: PLR2004
    rows = [
        (str(date_of(day)), charts.in_short(seen[day])) for day in sorted(seen, reverse=True) if first <= day <= last
    ]
    present = {f"f-{charts.outcome_of(each)}" for each in seen.values()} | {"f-none"}
    if present & {"f-lost", "f-stale"}:
        present.add("f-cancelled")
    return {
        "calendar": sizes(lambda width, name: charts.calendar(seen, first, last, width, name), f"{key}c", HALF),
        "calendar_legend": [(css, say(name)) for css, name in _CALENDAR_TEXTS.items() if css in present],
        "calendar_table": data_table("Days as a table", ("Day", "What happened"), rows),
    }


def _to_come(current: Current, now: float) -> list[Span]:
    """Return the rest of a running run: to its expected end, and between when and when that will be."""
    end, span = current.expected_end_at, current.expected_end_span
    if end is None:
        return []
    label = say("expected")
    return [
        Span(start=now, end=max(end, now), status="expected", label=label),
        *(
            []
            if span is None
            else [Span(start=max(now, span[0]), end=max(now, span[1]), status="perhaps", label=label)]
        ),
    ]


def _gantt(report: Report, view: View, key: str, current: Current | None = None) -> dict[str, Any]:
    zone = report.zone
    spans = [
        Span(
            start=run.started_at,
            end=report.until if run.ended_at is None else run.ended_at,
            status=run.status,
            label=say("run %d %s", run.id, in_words(run.status)),
        )
        for run in view.runs
    ]
    skips = [
        Skips(first=skip.first_at, last=skip.last_at, times=skip.times, reason=skip.reason)
        for skip in reversed(view.skips)
        if skip.last_at >= view.since
    ]
    ahead = [] if current is None else _to_come(current, report.until)
    until = max([report.until, *(span.end for span in ahead if span.end is not None)])
    course = Course(since=view.since, until=until, spans=[*spans, *ahead], skips=skips, fires=view.fires, zone=zone,
                    now=report.until if ahead else None)  # fmt: skip
    rows = [
        (human(at, zone), what, until)
        for at, what, until in sorted(
            [
                *(
                    (run.started_at, say("run %d %s", run.id, in_words(run.status)), human(run.ended_at, zone))
                    for run in view.runs
                ),
                *(
                    (skip.first, say("%d skipped: %s", skip.times, in_words(skip.reason)), human(skip.last, zone))
                    for skip in skips
                ),
            ],
            reverse=True,
        )
    ]
    present = {run.status for run in view.runs}
    shown = {"cancelled" if status in {"lost", "stale"} else status for status in present}
    legend = [(css, say(name)) for css, name in _CALENDAR_TEXTS.items() if css.removeprefix("f-") in shown]
    legend += [("skip", say("skipped fire"))] if skips else []
    legend += [("fire", say("scheduled fire"))] if view.fires else []
    legend += (
        [("f-expected", say("to its expected end")), ("f-perhaps", say("four of five like it end within"))]
        if ahead
        else []
    )
    return {
        "gantt": sizes(lambda width, name: gantt(course, width, name, say("When %s ran", view.name)), f"{key}g"),
        "gantt_period": say("%s to %s", human(view.since, zone), human(report.until, zone)),
        "gantt_legend": legend,
        "gantt_table": data_table("Starts and skips as a table", ("At", "What", "Until"), rows),
    }


def _durations(report: Report, view: View, key: str) -> dict[str, Any]:
    stats, zone = report.stats[view.name], report.zone
    budget = None if view.job is None else view.job.timeout

    def draw(width: float, name: str) -> Any:
        return charts.durations(view.stories, stats, budget, width, name, zone)

    rows = [
        (str(one.id), human(one.started_at, zone), in_words(one.status), format_duration(one.duration_s), str(one.runs))
        for one in reversed(view.stories)
    ]
    legend = [("f-succeeded", say("succeeded"))]
    if any(one.status not in {model.SUCCEEDED, model.RUNNING} for one in view.stories):
        legend.append(("bad", say("did not succeed")))
    return {
        "durations": sizes(draw, f"{key}d"),
        "durations_legend": legend,
        "durations_table": data_table("Durations as a table", ("Run", "Started", "Outcome", "Took", "Runs"), rows),
    }


def _steps(found: Sequence[StepStats], key: str) -> dict[str, Any]:
    rows = [
        (
            step.id,
            step.group or "-",
            f"{step.runs:,}",
            percent(step.success_rate),
            *map(format_duration, (step.avg_s, step.p50_s, step.p95_s, step.max_s, step.cpu_avg_s)),
            format_size(step.max_rss_bytes),
        )
        for step in found
    ]
    return {
        "steps": sizes(lambda width, name: charts.steps(found[:_STEPS], width, name), f"{key}s"),
        "steps_table": data_table("Steps as a table", _STEP_HEADERS, rows),
    }


def _results(view: View, key: str, zone: Zone) -> dict[str, Any]:
    numbers = charts.numbers_of(view.results)
    shown = list(numbers.items())[:_RESULTS]
    more = len(numbers) - len(shown)
    rows = [(human(at, zone), step, ", ".join(f"{name} {value}" for name, value in result.items()))
            for at, step, result in reversed(view.results)]  # fmt: skip
    return {
        "results": [
            {
                "name": f"{step} · {name}",
                "lang": lang_of(step + name),
                "last": f"{values[-1][1]:,.10g}",
                "drawing": drawn(charts.series(values, f"{key}r{number}", say("%s over time", f"{step} · {name}"))),
            }
            for number, ((step, name), values) in enumerate(shown)
        ],
        "results_more": say("and %d more numbers in the table", more) if more > 0 else "",
        "results_table": data_table("Results as a table", ("Run of", "Step", "Result"), rows),
    }


def _failure(shown: Shown, zone: Zone) -> dict[str, Any]:
    failure = shown.failure
    why = told(recalled(failure.why or "")) or (
        say("signal %d", failure.signal)
        if failure.signal is not None
        else "-"
        if failure.exit_code is None
        else say("exit %d", failure.exit_code)
    )
    if failure.resumed_by is not None:
        why = say("%s; continued by run %d", why, failure.resumed_by)
    return {
        "run": str(failure.run_id),
        "started": human(failure.started_at, zone),
        "status": failure.status,
        "words": in_words(failure.status),
        "step": failure.step or "-",
        "why": why,
        "lang": lang_of(why),
        "took": format_duration(failure.duration_s),
        "tail": harmless(shown.tail),
        "tail_lang": lang_of(shown.tail),
        "note": told(shown.note),
    }


def _periods(report: Report, job: str) -> DataTable | None:
    if not report.periods:
        return None
    headers = (say(report.periods_name[:-1]), *(header.removeprefix(">").capitalize() for header in STATS_HEADERS[1:]))
    rows = [(each.period.name, *stats_row(job, each.stats[job])[1:]) for each in reversed(report.periods)]
    return data_table("", headers, rows)


def _failures_more(stats: Stats, view: View) -> str:
    hidden = stats.failed - sum(shown.failure.resumed_by is None for shown in view.failures)
    return say("the newest %d", len(view.failures)) if hidden > 0 else ""
